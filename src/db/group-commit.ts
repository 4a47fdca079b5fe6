import { LateError } from "../deadline.ts";
import type { Batcher, Writes } from "./connection.ts";
import { isLockTimeout, isOfStatement } from "./faults.ts";
import type { CallOptions, Driver, Row } from "./ports.ts";
import type { Scheduler, Slot } from "./scheduler.ts";
import type { Statement } from "./statements.ts";
import { marking, markSent, type OnPosition, type Trip } from "./trips.ts";

/** The most writes in one group: whatever delays one of them, such as the cleaning of an index, delays all. */
const MAX_GROUP = 8;

/** How long a write waits for a lock before it makes way for others, in milliseconds. */
const LOCK_TIMEOUT_MS = 100;
const LIMIT_LOCKS: Statement = { text: `set local lock_timeout = ${LOCK_TIMEOUT_MS}`, values: [] };

/** A write that is not sent yet: a call, of which several can be one statement, or a transaction of its own. */
type Waiting = {
  deadline: number;
  trip: Trip;
  /** It is sent by itself, because its kind is or because its group failed. */
  isAlone: boolean;
  reject(error: unknown): void;
} & (
  | { batcher: Batcher<unknown>; call: unknown; resolve(rows: Row[]): void }
  | { statements: Statement[]; resolve(results: Row[][]): void }
);
type WaitingCall = Extract<Waiting, { call: unknown }>;

/**
 * Group commit, for runtimes that serve many requests at a time. While the lane of writes is full, writes that arrive wait,
 * and then leave together in one transaction: one round trip, one flush to disk, and one wait for the lock of a book that
 * all of them sell. Writes that can be one statement are one. While there is room, a write leaves at once, by itself.
 *
 * Each write is answered after its commit. If a group fails, nothing of it was written, and each write is sent again by
 * itself, so that only the faulty one fails.
 *
 * A write that waits for a row's lock must not delay the others. Some writes wait as long as their requests have time, and
 * soon count in the lane of locks; the others give up after {@link LOCK_TIMEOUT_MS} and queue for that lane.
 *
 * @param share the size of the two lanes
 * @param onPosition as of `direct`
 */
export function groupedWrites(
  driver: Driver,
  scheduler: Scheduler,
  share: number,
  onPosition?: OnPosition,
): Writes {
  const optionsOf: Writer["optionsOf"] = (trips) => (onPosition ? { mark: marking(trips, onPosition) } : {});
  const queue = new WriteQueue({ driver, optionsOf }, scheduler, share);
  return {
    batched: (batcher, call, trip) =>
      queue.add(trip, { batcher: batcher as Batcher<unknown>, call, isAlone: batcher.alone ?? false }),
    transaction: (statements, trip) => queue.add(trip, { statements }),
  };
}

/** What sends writes. */
interface Writer {
  driver: Driver;
  optionsOf(trips: readonly Trip[]): CallOptions;
}

class WriteQueue {
  readonly #writer: Writer;
  readonly #scheduler: Scheduler;
  readonly #share: number;
  readonly #waiting: Waiting[] = [];
  #isScheduled = false;
  /** How many writes run without a lock timeout, or wait to: they keep their connections for as long as they wait for locks. */
  #patient = 0;

  constructor(writer: Writer, scheduler: Scheduler, share: number) {
    this.#writer = writer;
    this.#scheduler = scheduler;
    this.#share = share;
  }

  add<T>(trip: Trip, write: Partial<Waiting>): Promise<T> {
    const { deadline } = trip;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ isAlone: false, ...write, deadline, trip, resolve, reject } as Waiting);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    // The deadline of each write is checked when it is taken.
    this.#scheduler.run("writes", { deadline: Number.POSITIVE_INFINITY }, async (slot) => {
      this.#isScheduled = false;
      const taken = takeNext(this.#waiting);
      const trips = taken.map(({ trip }) => trip);
      markSent(trips, "writes");
      const [first, ...others] = taken;
      this.#schedule();
      if (others.length > 0) await this.#runGroup([first, ...others] as WaitingCall[]);
      else if (first) await this.#runAlone(first, slot);
    });
  }

  async #runAlone(write: Waiting, slot: Slot): Promise<void> {
    const writer = this.#writer;
    if (this.#patient < this.#share) {
      const timer = setTimeout(() => slot.moveTo("locks"), LOCK_TIMEOUT_MS);
      await this.#runPatiently(() => run(writer, write, []), write);
      clearTimeout(timer);
      return;
    }
    try {
      await run(writer, write, [LIMIT_LOCKS]);
    } catch (error) {
      if (!isLockTimeout(error)) return write.reject(error);
      this.#runPatiently(() => this.#scheduler.run("locks", write, () => run(writer, write, [])), write);
    }
  }

  async #runPatiently(send: () => Promise<void>, write: Waiting): Promise<void> {
    this.#patient++;
    await send().catch(write.reject);
    this.#patient--;
  }

  async #runGroup(writes: WaitingCall[]): Promise<void> {
    this.#scheduler.join("writes", writes.length - 1);
    try {
      await runTogether(this.#writer, writes);
    } catch (error) {
      // Such an error has rolled the whole transaction back; after any other the outcome is unknown.
      if (isOfStatement(error))
        this.#waiting.unshift(...writes.map((write) => ({ ...write, isAlone: true })));
      else for (const { reject } of writes) reject(error);
      this.#schedule();
    }
  }
}

/** Takes what leaves next from the queue: one write, or a group. Writes whose deadline has passed are rejected. */
function takeNext(waiting: Waiting[]): Waiting[] {
  const canJoin = (write: Waiting) => "call" in write && !write.isAlone;
  const now = performance.now();
  for (;;) {
    const end = waiting.findIndex((write, at) => at === MAX_GROUP || !canJoin(write));
    const taken = waiting.splice(0, end < 0 ? waiting.length : Math.max(1, end));
    const live = taken.filter(({ deadline }) => deadline > now);
    for (const write of taken) if (write.deadline <= now) write.reject(new LateError());
    if (live.length > 0 || waiting.length === 0) return live;
  }
}

/** Runs a write by itself; with statements before it, in a transaction. */
async function run({ driver, optionsOf }: Writer, write: Waiting, before: Statement[]): Promise<void> {
  const { deadline, trip } = write;
  const options = optionsOf([trip]);
  const transact = async (statements: Statement[]) =>
    (await driver.batch("write", [...before, ...statements], deadline, options)).slice(before.length);
  if ("statements" in write) return write.resolve(await transact(write.statements));
  const { batcher, call, resolve } = write;
  const statement = batcher.statementFor([call]);
  const [rows = []] =
    before.length > 0 ? await transact([statement]) : [await driver.query(statement, deadline, options)];
  resolve(batcher.rowsByCall(rows, [call])[0] ?? []);
}

/** Runs writes as one transaction. */
async function runTogether({ driver, optionsOf }: Writer, writes: WaitingCall[]): Promise<void> {
  const parts = [...byBatcher(writes)].map(([batcher, writes]) => {
    const calls = writes.map(({ call }) => call);
    return { batcher, calls, writes };
  });
  const deadline = Math.max(...writes.map(({ deadline }) => deadline));
  const statements = parts.map(({ batcher, calls }) => batcher.statementFor(calls));
  const options = optionsOf(writes.map(({ trip }) => trip));
  const [, ...results] = await driver.batch("write", [LIMIT_LOCKS, ...statements], deadline, options);
  for (const [at, { batcher, calls, writes }] of parts.entries()) {
    const rows = batcher.rowsByCall(results[at] ?? [], calls);
    for (const [place, { resolve }] of writes.entries()) resolve(rows[place] ?? []);
  }
}

/** Groups the writes that can be one statement. */
function byBatcher(writes: WaitingCall[]): Map<Batcher<unknown>, WaitingCall[]> {
  const groups = new Map<Batcher<unknown>, WaitingCall[]>();
  for (const write of writes) {
    const group = groups.get(write.batcher);
    if (group) group.push(write);
    else groups.set(write.batcher, [write]);
  }
  return groups;
}
