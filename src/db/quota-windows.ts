/** Quotas that are counted in Postgres, by its clock. */
import { sql } from "drizzle-orm";
import { deadlineIn } from "../deadline.ts";
import type { Driver } from "./ports.ts";
import { rateLimitWindows } from "./schema.ts";
import { bind, compiler, defineStatement } from "./statements.ts";

/** Of a client's window, after a request. */
export interface CountedRequest {
  /** The requests so far. */
  requests: number;
  /** Milliseconds until it ends. */
  left: number;
}

type WindowRow = { key: string; requests: string; left: number };

/** The window goes on, or has ended and starts anew. `now()` is one moment, though a statement may wait for a row. */
const isOver = sql`old.ends_at <= now()`;

/** The keys come sorted, so that statements of two servers lock rows in the same order. */
const COUNT = defineStatement({
  types: { keys: "text[]", counts: "int[]", seconds: "int" },
  build: (value) => sql`insert into ${rateLimitWindows} as old (key, requests, ends_at)
    select key, count, now() + make_interval(secs => ${value("seconds")})
    from unnest(${value("keys")}, ${value("counts")}) as counted (key, count)
    on conflict (key) do update set
      requests = excluded.requests + case when ${isOver} then 0 else old.requests end,
      ends_at = case when ${isOver} then excluded.ends_at else old.ends_at end
    returning key, requests::text, ceil(extract(epoch from ends_at - now()) * 1000)::int as left`,
});

/** How many windows that are over are deleted at a time. */
const SWEPT = 1000;
const SWEEP_MS = 10_000;

/** A statement of its own that waits for no lock: it cannot be part of a deadlock. */
const SWEEP = defineStatement({
  types: {},
  build: () => sql`delete from ${rateLimitWindows} using (
      select key from ${rateLimitWindows} where ends_at <= now()
      order by ends_at limit ${sql.raw(`${SWEPT}`)} for update skip locked
    ) old where ${rateLimitWindows.key} = old.key
    returning 1 as swept`,
});

interface Waiting {
  key: string;
  resolve(counted: CountedRequest): void;
  reject(fault: unknown): void;
}

/** Counts requests, those that come while a statement runs together in the next one. */
export class QuotaWindows {
  readonly #driver: Driver;
  readonly #seconds: number;
  readonly #timeout: number;
  readonly #compile = compiler();
  #waiting: Waiting[] = [];
  #isRunning = false;
  #nextSweep = 0;

  /** @param timeout milliseconds for a statement */
  constructor(driver: Driver, seconds: number, timeout: number) {
    this.#driver = driver;
    this.#seconds = seconds;
    this.#timeout = timeout;
  }

  count(key: string): Promise<CountedRequest> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      if (!this.#isRunning) this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const calls = this.#waiting;
      this.#waiting = [];
      await this.#countAll(calls).catch((fault) => {
        for (const { reject } of calls) reject(fault);
      });
      if (performance.now() > this.#nextSweep) await this.#sweep().catch(() => {});
    }
    this.#isRunning = false;
  }

  async #countAll(calls: Waiting[]): Promise<void> {
    const callsOf = new Map<string, Waiting[]>();
    for (const call of calls) {
      const others = callsOf.get(call.key);
      if (others) others.push(call);
      else callsOf.set(call.key, [call]);
    }
    const keys = [...callsOf.keys()].sort();
    const counts = keys.map((key) => callsOf.get(key)?.length ?? 0);
    const query = bind(COUNT, { keys, counts, seconds: this.#seconds });
    const rows = (await this.#driver.query(this.#compile(query), deadlineIn(this.#timeout))) as WindowRow[];
    for (const { key, requests, left } of rows) {
      const counted = callsOf.get(key) ?? [];
      const before = Number(requests) - counted.length;
      for (const [at, { resolve }] of counted.entries()) resolve({ requests: before + at + 1, left });
    }
  }

  /** Deletes windows that are over: at the next statement again, if there may be more. */
  async #sweep(): Promise<void> {
    const swept = await this.#driver.query(this.#compile(bind(SWEEP, {})), deadlineIn(this.#timeout));
    if (swept.length < SWEPT) this.#nextSweep = performance.now() + SWEEP_MS;
  }
}
