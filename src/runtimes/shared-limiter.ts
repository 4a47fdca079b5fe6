/** Quotas that several processes count together. Loaded only where RATE_LIMIT_STORE names a store. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { within } from "../deadline.ts";
import type { Limiter, Quota, QuotaState } from "../http/rate-limit.ts";
import { memoryLimiter } from "./memory-limiter.ts";

/** Counts requests outside the process. The first error ends its use. */
export interface QuotaStore {
  /** Counts one more request under a key of 43 characters. */
  count(key: string): Promise<QuotaState>;
  close(): void;
}

/** What operators see of a store. Trips to it are not among the round trips to the database. */
export interface StoreState {
  isUp: boolean;
  trips: number;
  seconds: number;
  /** Requests that were counted in memory. */
  fallbacks: number;
}

export interface SharedLimiterOptions {
  quota: Quota;
  /** Its first call waits for the connection. */
  open(): QuotaStore;
  /** Milliseconds that a request may wait for the store. */
  timeout: number;
  /** Is told of each change: that the store is up, or why it is away, which may change as well. */
  tell(isUp: boolean, reason?: string): void;
}

/** How long a store is left alone after it failed. */
const PAUSE_MS = 1000;

/** Counted once before requests are: a store that is full or read-only answers everything else. */
const PROBE = digest("probe");

/**
 * Counts in a store, and in memory while the store is away. Whatever goes wrong, all requests that wait for the store go on
 * at once, and no other waits for it until it has answered again in the background, over a new connection.
 */
export class SharedLimiter implements Limiter {
  readonly quota: Quota;
  readonly state: StoreState = { isUp: true, trips: 0, seconds: 0, fallbacks: 0 };
  readonly #options: SharedLimiterOptions;
  readonly #memory: Limiter;
  readonly #closing = new AbortController();
  /** Undefined while the store is away. */
  #store: QuotaStore | undefined;
  /** Why the store is away, as it was told last. */
  #reason: string | undefined;
  /** Rejects the calls that wait for the store. */
  readonly #waiting = new Set<(fault: unknown) => void>();

  constructor(options: SharedLimiterOptions) {
    this.quota = options.quota;
    this.#options = options;
    this.#memory = memoryLimiter(options.quota);
  }

  /** Opens the store; resolves once it can be used, or is known to be away. */
  async start(): Promise<void> {
    await this.#open().catch((fault) => this.#leave(fault));
  }

  async count(key: string): Promise<QuotaState> {
    const store = this.#store;
    try {
      if (store) return await this.#countIn(store, digest(key));
    } catch (fault) {
      // Other calls may have failed with it, and another store may be open by now.
      if (this.#store === store) this.#leave(fault);
    }
    this.state.fallbacks++;
    return this.#memory.count(key);
  }

  close(): void {
    this.#closing.abort();
    this.#store?.close();
    this.#store = undefined;
  }

  async #countIn(store: QuotaStore, key: string): Promise<QuotaState> {
    const began = performance.now();
    let reject = (_: unknown) => {};
    const left = new Promise<never>((_, fail) => {
      reject = fail;
    });
    this.#waiting.add(reject);
    try {
      return await within(this.#options.timeout, Promise.race([store.count(key), left]));
    } finally {
      this.#waiting.delete(reject);
      this.state.trips++;
      this.state.seconds += (performance.now() - began) / 1000;
    }
  }

  async #open(): Promise<void> {
    const { open, timeout } = this.#options;
    const store = open();
    try {
      await within(timeout, store.count(PROBE));
    } catch (fault) {
      store.close();
      throw fault;
    }
    if (this.#closing.signal.aborted) store.close();
    else this.#store = store;
  }

  #leave(fault: unknown): void {
    this.#store?.close();
    this.#store = undefined;
    for (const reject of this.#waiting) reject(fault);
    if (this.#closing.signal.aborted) return;
    this.state.isUp = false;
    this.#tellWhy(fault);
    this.#comeBack();
  }

  /** A connection that closes says little. The next one that is tried says more. */
  #tellWhy(fault: unknown): void {
    const reason = reasonOf(fault);
    if (reason === this.#reason || this.#closing.signal.aborted) return;
    this.#reason = reason;
    this.#options.tell(false, reason);
  }

  async #comeBack(): Promise<void> {
    const { signal } = this.#closing;
    while (!this.#store && !signal.aborted) {
      await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => {});
      if (!signal.aborted) await this.#open().catch((fault) => this.#tellWhy(fault));
    }
    if (signal.aborted) return;
    this.state.isUp = true;
    this.#reason = undefined;
    this.#options.tell(true);
  }
}

/** Subjects of tokens have any length, and are nobody's business in a store. */
function digest(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}

/** Why a store failed. The messages of the drivers name hosts and ports, but no passwords. */
export function reasonOf(fault: unknown): string {
  if (!(fault instanceof Error)) return "unknown";
  return fault.name === "LateError" ? "no answer in time" : fault.message || fault.name;
}
