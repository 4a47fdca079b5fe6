/** Runs the clients of a server, and keeps what became of their requests. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Outcome, WrongAnswer } from "./caller.ts";
import type { Probe } from "./reads.ts";
import type { Server } from "./servers.ts";

/** What became of the requests to a kind of route since a moment. */
export interface Tally {
  right: number;
  unavailable: number;
  /** Milliseconds of each answer. */
  times: number[];
  /** When the first request began that was answered right, in the time of `performance.now()`. */
  firstRight: number | undefined;
}

const POLL_MS = 25;

const emptyTally = (): Tally => ({ right: 0, unavailable: 0, times: [], firstRight: undefined });

/** A probe that waits for a lock of the whole database would be one request; a shop has several clients of each kind. */
export class Watch {
  readonly server: Server;
  readonly routes: readonly string[];
  /** Sentences about wrong answers. */
  readonly faults: string[] = [];
  #tallies = new Map<string, Tally>();
  #since = 0;
  /** The period before, whose last requests may not be answered yet. */
  #before = { tallies: new Map<string, Tally>(), since: 0 };
  #isStopped = false;
  readonly #pause: number;
  readonly #clients: Promise<void>[];

  /** @param pause how long each client waits between two requests, in milliseconds */
  constructor(server: Server, probes: Record<string, Probe>, pause: number) {
    this.server = server;
    this.#pause = pause;
    this.routes = Object.keys(probes);
    this.restart();
    this.#clients = Object.entries(probes).map(([route, probe]) => this.#run(route, probe));
  }

  /** Begins a period, and gives what was counted in the last. It still counts requests that began in it. */
  restart(): Map<string, Tally> {
    const counted = this.#tallies;
    this.#before = { tallies: counted, since: this.#since };
    this.#since = performance.now();
    this.#tallies = new Map(this.routes.map((route) => [route, emptyTally()]));
    return counted;
  }

  get since(): number {
    return this.#since;
  }

  tally(route: string): Tally {
    return this.#tallies.get(route) ?? emptyTally();
  }

  /** The routes that have not answered right yet. */
  get silent(): string[] {
    return this.routes.filter((route) => this.tally(route).firstRight === undefined);
  }

  get right(): number {
    return [...this.#tallies.values()].reduce((sum, { right }) => sum + right, 0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #run(route: string, probe: Probe): Promise<void> {
    while (!this.#isStopped) {
      const started = performance.now();
      try {
        this.#count(route, started, await probe());
      } catch (error) {
        if (!(error instanceof WrongAnswer) && this.faults.length === 0) console.error(error);
        this.faults.push(`${this.server.runtime}, ${route}: ${(error as Error).message}`);
      }
      await sleep(this.#pause * (0.5 + Math.random()));
    }
  }

  #count(route: string, started: number, outcome: Outcome): void {
    const isOfPeriod = started >= this.#since;
    const tally = isOfPeriod ? this.tally(route) : this.#before.tallies.get(route);
    if (!tally || (!isOfPeriod && started < this.#before.since)) return;
    tally[outcome]++;
    tally.times.push(performance.now() - started);
    if (outcome === "right") tally.firstRight ??= started;
  }
}

/** Asks a server whether it is ready, as a load balancer does. */
export class Readiness {
  /** The last answer, and since when it has been so. */
  isReady = true;
  since = performance.now();
  readonly #url: string;
  readonly #pause: number;
  #isStopped = false;
  readonly #polling: Promise<void>;

  /** @param pause between two of its requests, in milliseconds */
  constructor({ url }: Server, pause: number) {
    this.#url = `${url}/ready`;
    this.#pause = pause;
    this.#polling = this.#poll();
  }

  /** Waits until the server says so, or the patience ends. */
  async turns(isReady: boolean, patience: number): Promise<boolean> {
    const end = performance.now() + patience;
    while (this.isReady !== isReady && performance.now() < end) await sleep(POLL_MS);
    return this.isReady === isReady;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#polling;
  }

  async #poll(): Promise<void> {
    while (!this.#isStopped) {
      const response = await fetch(this.#url).catch(() => undefined);
      await response?.arrayBuffer();
      const isReady = response?.status === 200;
      if (isReady !== this.isReady) {
        this.isReady = isReady;
        this.since = performance.now();
      }
      await sleep(this.#pause);
    }
  }
}
