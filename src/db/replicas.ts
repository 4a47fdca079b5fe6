/**
 * Reads from replicas. A read goes to a replica that stands well, and otherwise, or if the replica fails, to the primary.
 * Whoever has a position reads from a replica only what is not older. See docs/decisions/0040-read-replicas.md.
 */
import { GoneError, LateError, timeTo, within } from "../deadline.ts";
import type { Reads } from "./connection.ts";
import { faultOf, isOfStatement, UnavailableFault } from "./faults.ts";
import type { Driver, Row } from "./ports.ts";
import { IDENTITY, type Position, type Standing, standingAt } from "./position.ts";
import type { Guard, Trip } from "./trips.ts";

/** The replica cannot answer a read. */
class ReplicaError extends Error {
  override name = "ReplicaError";
}

const BEHIND = "has not come to the position of the reader";

/** Where reads can go. */
export interface ReplicaOptions {
  /** Its host and port. */
  name: string;
  driver: Driver;
  reads: Reads;
}

export interface ReplicasOptions {
  /** Seconds that a replica may be behind. */
  maxLag: number;
  /** Is told, once per change, whether a replica is read and why not. */
  tell(sentence: string): void;
  /**
   * Milliseconds after which a replica in trouble is tried again by a read. Every read then has a guard. Without it, somebody
   * examines all replicas all the time ({@link Replica.examine}).
   */
  retryAfter?: number;
}

/** Why a replica is not to be read; undefined if it is. */
export function troubleOf(
  { is_standby, cluster, lag }: Standing,
  home: string | undefined,
  maxLag: number,
): string | undefined {
  if (!is_standby) return "is not a standby";
  if (home === undefined) return "cannot be compared with the primary, which does not answer";
  if (cluster !== home.split(".")[0]) return "is of another cluster than the primary";
  if (lag === null) return "has replayed nothing since its start";
  return lag > maxLag ? `is more than ${maxLag} seconds behind` : undefined;
}

/** A replica as it stands. */
export class Replica {
  readonly name: string;
  readonly driver: Driver;
  readonly reads: Reads;
  /** Seconds, when it was last asked. */
  lag: number | undefined;
  /** Why it is not read; undefined while it is. */
  trouble: string | undefined;
  #troubledAt = 0;
  readonly #options: ReplicasOptions;

  constructor({ name, driver, reads }: ReplicaOptions, options: ReplicasOptions) {
    this.name = name;
    this.driver = driver;
    this.reads = reads;
    this.#options = options;
    // Before it is examined, nobody knows.
    if (options.retryAfter === undefined) this.trouble = "has not answered yet";
  }

  get isOpen(): boolean {
    const { retryAfter } = this.#options;
    if (this.trouble === undefined) return true;
    return retryAfter !== undefined && performance.now() >= this.#troubledAt + retryAfter;
  }

  /**
   * Takes in how it stands.
   *
   * @param home of the primary; undefined if that is not known
   * @throws ReplicaError if it is not to be read
   */
  examine(row: Row | undefined, home: string | undefined): void {
    const standing = row as Standing;
    this.lag = standing.lag ?? undefined;
    this.#settle(troubleOf(standing, home, this.#options.maxLag));
    if (this.trouble !== undefined) throw new ReplicaError(this.trouble);
    if (!standing.has_come) throw new ReplicaError(BEHIND);
  }

  /** Takes in why a read, or its examination, failed. What Postgres refuses does not count: the primary may allow it. */
  fail(error: unknown): void {
    if (error instanceof ReplicaError || isOfStatement(error)) return;
    if (error instanceof LateError) this.#settle("does not answer in time");
    else if (faultOf(error) instanceof UnavailableFault) this.#settle("cannot be reached");
  }

  #settle(trouble: string | undefined): void {
    if (trouble !== undefined) this.#troubledAt = performance.now();
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.#options.tell(
      trouble ? `The replica ${this.name} is not read: it ${trouble}.` : `The replica ${this.name} is read.`,
    );
  }
}

/** All replicas of a primary. */
export class Replicas {
  readonly all: readonly Replica[];
  /** The cluster of the primary and its timeline, once known. */
  home: string | undefined;
  readonly isGuarded: boolean;
  #turn = 0;

  constructor(replicas: ReplicaOptions[], options: ReplicasOptions) {
    this.all = replicas.map((replica) => new Replica(replica, options));
    this.isGuarded = options.retryAfter !== undefined;
  }

  /** How many there are, and how many are read. */
  counts(): { configured: number; read: number } {
    return { configured: this.all.length, read: this.all.filter(({ trouble }) => !trouble).length };
  }

  /** The next that can be read. */
  next(): Replica | undefined {
    for (let tried = 0; tried < this.all.length; tried++) {
      const replica = this.all[this.#turn];
      this.#turn = (this.#turn + 1) % this.all.length;
      if (replica?.isOpen) return replica;
    }
    return undefined;
  }

  /** Is told the position after each write. */
  readonly onPosition = ({ home }: Position): void => {
    this.home = home;
  };

  /** Asks the primary for its home, in the trip of a read. */
  readonly identifying: Guard = {
    statement: IDENTITY,
    accept: (row) => {
      this.home = row?.home as string;
    },
  };

  /** Asks a replica how it stands, if somebody has to know that before a read. */
  guardOf(replica: Replica, after: Position | undefined): Guard | undefined {
    if (!this.isGuarded && !after) return undefined;
    return { statement: standingAt(after), after, accept: (row) => replica.examine(row, this.home) };
  }
}

/** The part of the time left that a replica may take; the rest is for the primary. */
export const REPLICA_FRACTION = 1 / 3;

/** Reads from the replicas where the caller may, and from the primary otherwise. */
export function replicatedReads(primary: Reads, replicas: Replicas): Reads {
  const route = async <T>(
    trip: Trip,
    read: (reads: Reads) => Promise<T>,
    isSnapshot: boolean,
  ): Promise<T> => {
    const { reader } = trip;
    const { home } = replicas;
    if (!reader) return read(primary);
    if (home === undefined) {
      if (replicas.isGuarded) trip.guard = replicas.identifying;
      return read(primary);
    }
    const after = reader.after(home);
    const replica = replicas.next();
    // In one transaction the guard sees the same moment as the read: it cannot prove beforehand that the replica has come so
    // far.
    const isBlind = isSnapshot && after && replica?.driver.isOneTransaction;
    if (!replica || isBlind) return read(primary);
    trip.guard = replicas.guardOf(replica, after);
    try {
      const reading = read(replica.reads);
      // On servers, the statements of a replica are timed. A timer for each of their calls would cost a tenth of the reads.
      if (!replicas.isGuarded) return await reading;
      return await within(timeTo(trip.deadline) * REPLICA_FRACTION, reading);
    } catch (error) {
      if (error instanceof GoneError) throw error;
      // A slow read is no trouble where the replica is examined all the time.
      if (replicas.isGuarded || !(error instanceof LateError)) replica.fail(error);
      trip.guard = undefined;
      trip.isRetried = true;
      return read(primary);
    }
  };
  return {
    batched: (batcher, call, trip) => route(trip, (reads) => reads.batched(batcher, call, trip), false),
    query: (statement, trip) => route(trip, (reads) => reads.query(statement, trip), false),
    snapshot: (statements, trip) => route(trip, (reads) => reads.snapshot(statements, trip), true),
  };
}
