/** The part of Cloudflare's own module that the Worker uses. */
declare module "cloudflare:workers" {
  /** Keeps the Worker running for the request that is under way, until the work is done. */
  export function waitUntil(work: Promise<unknown>): void;
  /** https://developers.cloudflare.com/durable-objects/api/base/ */
  export abstract class DurableObject {
    protected readonly ctx: {
      storage: {
        kv: { get<T>(key: string): T | undefined; put(key: string, value: unknown): void };
        setAlarm(time: number): Promise<void>;
        deleteAll(): Promise<void>;
      };
    };
  }
}
