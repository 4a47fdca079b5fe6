import { GoneError, LateError } from "../deadline.ts";

/**
 * The lanes: single rows by key; pages without filters; searches, counts and other statements that are planned for their
 * values; writes; and writes that wait for the lock of a row.
 */
export const LANES = ["points", "pages", "searches", "writes", "locks"] as const;
export type LaneName = (typeof LANES)[number];

/** What a lane does now, and what it has done so far. */
export interface LaneStats {
  running: number;
  waiting: number;
  /** Statements and transactions that were sent. */
  started: number;
  /** Calls that shared the statement or the transaction of another. */
  joined: number;
  /** Work that was not sent, because its deadline had passed. */
  late: number;
}

export interface SchedulerOptions {
  /** How many statements and transactions run at a time: the size of the pool. */
  capacity: number;
  /** How many of them may be searches, how many writes, and how many writes that wait for locks. */
  share: number;
}

/** A slot among the work that runs. */
export interface Slot {
  /** Counts the work in another lane from now on, even if that lane is full. */
  moveTo(lane: LaneName): void;
}

export interface Limits {
  /** After it, the work is not started any more. It may be extended meanwhile. */
  readonly deadline: number;
  /** Called once, at the work's turn. The work is not started if it returns false: nobody wants it any more. */
  atTurn?(): boolean;
}

interface Work {
  limits: Limits;
  start(): void;
  reject(error: unknown): void;
}

interface Lane extends Omit<LaneStats, "waiting"> {
  size: number;
  queue: Work[];
}

/**
 * Where database calls wait, for runtimes that serve many requests at a time. Work runs as long as its lane and the pool
 * have room, and waits in its lane otherwise; lanes take turns. Slow work so leaves connections to fast work.
 */
export class Scheduler {
  readonly #lanes: Record<LaneName, Lane>;
  readonly #capacity: number;
  #running = 0;
  /** The lane that starts work next, if it can. */
  #turn = 0;

  constructor({ capacity, share }: SchedulerOptions) {
    this.#capacity = capacity;
    const lane = (size: number): Lane => ({ size, queue: [], running: 0, started: 0, joined: 0, late: 0 });
    this.#lanes = {
      points: lane(capacity),
      pages: lane(capacity),
      searches: lane(share),
      writes: lane(share),
      locks: lane(share),
    };
  }

  /**
   * Runs work when there is room for it.
   *
   * @throws LateError, GoneError, and what the work throws
   */
  run<T>(name: LaneName, limits: Limits, work: (slot: Slot) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = () => {
        let lane = this.#lanes[name];
        lane.started++;
        lane.running++;
        this.#running++;
        const slot: Slot = {
          moveTo: (other) => {
            lane.running--;
            lane = this.#lanes[other];
            lane.running++;
            this.#dispatch();
          },
        };
        const end = () => {
          lane.running--;
          this.#running--;
          this.#dispatch();
        };
        work(slot).then(resolve, reject).finally(end);
      };
      this.#lanes[name].queue.push({ limits, start, reject });
      this.#dispatch();
    });
  }

  /** Counts calls that share the work of another. */
  join(name: LaneName, calls: number): void {
    this.#lanes[name].joined += calls;
  }

  stats(): Record<LaneName, LaneStats> {
    const statsOf = ({ queue, running, started, joined, late }: Lane): LaneStats => ({
      running,
      waiting: queue.length,
      started,
      joined,
      late,
    });
    return Object.fromEntries(LANES.map((name) => [name, statsOf(this.#lanes[name])])) as ReturnType<
      Scheduler["stats"]
    >;
  }

  #dispatch(): void {
    while (this.#running < this.#capacity) {
      const work = this.#next();
      if (!work) return;
      work.start();
    }
  }

  /** Takes the next work from the lanes in turn. Work that is late, or for nobody, is rejected on the way. */
  #next(): Work | undefined {
    for (let tried = 0; tried < LANES.length; tried++) {
      const lane = this.#lanes[LANES[this.#turn] as LaneName];
      this.#turn = (this.#turn + 1) % LANES.length;
      while (lane.running < lane.size) {
        const work = lane.queue.shift();
        if (!work) break;
        const { limits, reject } = work;
        if (limits.atTurn?.() === false) reject(new GoneError());
        else if (limits.deadline > performance.now()) return work;
        else {
          lane.late++;
          reject(new LateError());
        }
      }
    }
    return undefined;
  }
}
