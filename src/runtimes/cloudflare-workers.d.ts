/** The part of Cloudflare's own module that the Worker uses. */
declare module "cloudflare:workers" {
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
