import { Session } from "./session.ts";

const MAX_IDLE_MS = 10_000;

/** A pool of at most `max` connections to all databases. */
export class Connections {
  readonly #postgres: URL;
  readonly #max: number;
  readonly #idle: { session: Session; since: number }[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #sweeper: NodeJS.Timeout;
  #busy = 0;

  constructor(postgres: URL, max: number) {
    this.#postgres = postgres;
    this.#max = max;
    this.#sweeper = setInterval(() => this.#sweep(Date.now() - MAX_IDLE_MS), MAX_IDLE_MS / 2).unref();
  }

  /** Runs `work` on a connection to `database`, and cancels its query when `gone` aborts. */
  async use<T>(database: string, gone: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      const session = await this.#take(database);
      const cancel = () => session.cancel();
      gone.addEventListener("abort", cancel, { once: true });
      try {
        gone.throwIfAborted();
        return await work(session);
      } finally {
        const isReusable = await session.reset();
        gone.removeEventListener("abort", cancel);
        if (isReusable) this.#idle.push({ session, since: Date.now() });
        else await session.close();
      }
    } finally {
      this.#leave();
    }
  }

  /** Waits until all connections are idle, and closes them. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    for (let i = 0; i < this.#max; i++) await this.#enter();
    await this.#sweep(Number.POSITIVE_INFINITY);
  }

  async #enter(): Promise<void> {
    if (this.#busy < this.#max) this.#busy++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#busy--;
  }

  async #take(database: string): Promise<Session> {
    const latest = this.#idle.findLastIndex(
      ({ session }) => session.database === database && !session.isLost,
    );
    const [found] = latest < 0 ? [] : this.#idle.splice(latest, 1);
    if (found) return found.session;
    while (this.#busy + this.#idle.length > this.#max) await this.#idle.shift()?.session.close();
    const session = new Session(this.#postgres, database);
    await session.open();
    return session;
  }

  async #sweep(before: number): Promise<void> {
    const old = this.#idle.filter(({ since }) => since < before);
    this.#idle.splice(0, old.length);
    await Promise.all(old.map(({ session }) => session.close()));
  }
}
