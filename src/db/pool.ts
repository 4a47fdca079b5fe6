import { sql } from "drizzle-orm";
import pg from "pg";
import { LateError } from "../deadline.ts";
import { cancellable } from "./cancelling.ts";
import { isOfStatement, sqlStateOf } from "./faults.ts";
import type { CallOptions, Driver, Row, Transaction } from "./ports.ts";
import { markOf } from "./position.ts";
import { onceFor, type Statement } from "./statements.ts";

/** A {@link Driver} that holds connections. `end` closes them once the last call has finished. */
export interface PooledDriver extends Driver {
  state(): PoolState;
  end(): Promise<void>;
}

/** How many connections there are. */
export interface PoolState {
  open: number;
  /** Of those that are open. */
  idle: number;
  /** The most that may be open. */
  size: number;
}

export interface PoolOptions {
  /** `postgres://user:password@host/database`, with `?sslmode=…` and other parameters of libpq. */
  url: string;
  /** The maximum number of open connections. */
  size: number;
  /** Milliseconds after which either side drops a silent connection. It must exceed the time of any call. */
  timeout: number;
  /** Called with a sentence about what makes the pool slower than necessary. */
  warn?: (sentence: string) => void;
}

/** A commit that is not synchronous has not been flushed yet. */
const MARK = markOf(
  "lsn",
  sql`case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn()
    else pg_current_wal_flush_lsn() end - '0/0'::pg_lsn`,
);

const MODE: Record<Transaction, string> = {
  snapshot: "isolation level repeatable read read only",
  write: "isolation level read committed",
};

/** SQLSTATEs of a prepared statement that does not exist, or exists already. Nothing was run. */
const MISNAMED = /^(26000|42P05)$/;
/** SQLSTATE of a prepared statement whose result has another type since a migration. */
const OUTDATED_PLAN = "0A000";

const UNNAMED =
  "The pooler in front of the database does not support prepared statements (PgBouncer: max_prepared_statements). Statements are sent unprepared from now on.";

/**
 * Pooled TCP by node-postgres, for runtimes that live longer than a request. In its pipeline mode, the statements of a
 * batch leave together, including `begin` and `commit`, so a batch is one round trip here too.
 *
 * A call whose deadline passes while it runs keeps its connection until it is cancelled, because its callers have gone, or
 * until the database's statement timeout ends it. The pool has more active backends only where cancellations get lost.
 *
 * A pooler without prepared statements reports that a name does not exist, or exists already. The call had no effect; it is
 * repeated without names, and so are all later calls. A pooler with prepared statements may remember names of an aborted
 * batch that node-postgres has forgotten, so that connection is dropped.
 */
export function pooledDriver({ url, size, timeout, warn = () => {} }: PoolOptions): PooledDriver {
  const pool = openPool(url, size, timeout);
  const calls = new PooledCalls(pool, warn);
  return {
    query: (statement, deadline, options) =>
      calls.run(
        deadline,
        [statement],
        (client, [sent = statement]) => cancellable(client, run(client, sent), url, options?.gone),
        options,
      ),
    batch: (transaction, statements, deadline, options) => {
      // If the network fails during the batch, nothing else ends the transaction.
      const begin = `begin ${MODE[transaction]}; set local idle_in_transaction_session_timeout = ${timeout}`;
      return calls.run(
        deadline,
        statements,
        (client, sent) => cancellable(client, runBatch(client, begin, sent), url, options?.gone),
        options,
      );
    },
    state: () => ({ open: pool.totalCount, idle: pool.idleCount, size }),
    end: () => pool.end(),
  };
}

function openPool(url: string, size: number, timeout: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    pipeline: true,
    application_name: "octavo",
    connectionTimeoutMillis: timeout,
    query_timeout: timeout,
    keepAlive: true,
  });
  // When a connection breaks, its queries reject and the pool drops it. Unhandled events would end the process.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

type Work<T> = (client: pg.PoolClient, statements: Statement[]) => Promise<T>;

/** Runs calls on the pool's connections, with named statements where the pooler supports them. */
class PooledCalls {
  readonly #pool: pg.Pool;
  readonly #warn: (sentence: string) => void;
  /** The names of the statements that a connection has run, and so has prepared. */
  readonly #prepared = onceFor((_: pg.PoolClient) => new Set<string>());
  #isNaming = true;

  constructor(pool: pg.Pool, warn: (sentence: string) => void) {
    this.#pool = pool;
    this.#warn = warn;
  }

  /** Runs work with the guard before it and the mark after it, which all leave together. */
  async run<T>(
    deadline: number,
    statements: Statement[],
    work: Work<T>,
    { guard, mark }: CallOptions = {},
  ): Promise<T> {
    if (!guard && !mark) return this.#run(deadline, statements, work);
    const before = guard ? [guard.statement] : [];
    const after = mark ? [MARK] : [];
    const all = [...before, ...statements, ...after];
    const { guarded, result, marked } = await this.#run(deadline, all, async (client, sent) => {
      const [guarding, working, marking] = await Promise.allSettled([
        Promise.all(sent.slice(0, before.length).map((statement) => run(client, statement))),
        work(client, sent.slice(before.length, before.length + statements.length)),
        Promise.all(sent.slice(before.length + statements.length).map((statement) => run(client, statement))),
      ]);
      if (guarding.status === "rejected") throw guarding.reason;
      if (working.status === "rejected") throw working.reason;
      // The write is committed, whatever becomes of the mark.
      const marked = marking.status === "fulfilled" ? marking.value[0]?.[0] : undefined;
      return { guarded: guarding.value[0]?.[0], result: working.value, marked };
    });
    guard?.accept(guarded);
    if (marked) mark?.(marked);
    return result;
  }

  async #run<T>(deadline: number, statements: Statement[], work: Work<T>): Promise<T> {
    const client = await this.#pool.connect();
    if (performance.now() >= deadline) {
      client.release();
      throw new LateError();
    }
    const sent = this.#isNaming ? statements : statements.map(unnamed);
    const names = sent.flatMap(({ name }) => name ?? []);
    const known = this.#prepared(client);
    try {
      const result = await work(client, sent);
      for (const name of names) known.add(name);
      client.release();
      return result;
    } catch (error) {
      const wasKnown = names.some((name) => known.has(name));
      client.release(!isGoodAfter(error, client) || names.some((name) => !known.has(name)));
      const code = sqlStateOf(error) ?? "";
      const isMisnamed = names.length > 0 && MISNAMED.test(code);
      if (isMisnamed) this.#stopNaming();
      if (isMisnamed || (wasKnown && code === OUTDATED_PLAN)) return this.#run(deadline, statements, work);
      throw error;
    }
  }

  #stopNaming(): void {
    if (this.#isNaming) this.#warn(UNNAMED);
    this.#isNaming = false;
  }
}

/** Sends the statements of a transaction together, and gives their rows. */
async function runBatch(client: pg.PoolClient, begin: string, statements: Statement[]): Promise<Row[][]> {
  const texts = [{ text: begin, values: [] }, ...statements, { text: "commit", values: [] }];
  const settled = await Promise.allSettled(texts.map((statement) => run(client, statement)));
  const [begun] = settled;
  // Without a transaction each statement after it was one by itself.
  if (begun?.status === "rejected")
    throw new Error("The transaction did not begin.", { cause: begun.reason });
  // Of errors the first is the cause: those after it only tell that the transaction has failed.
  const failed = settled.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return settled.slice(1, -1).map((result) => (result as PromiseFulfilledResult<Row[]>).value);
}

const unnamed = ({ text, values }: Statement): Statement => ({ text, values });

const run = async (client: pg.PoolClient, statement: Statement): Promise<Row[]> =>
  (await client.query<Row>(statement)).rows;

/**
 * Whether a connection can be used again: after an error of a statement, but not after a fatal one, and not where the
 * transaction is still open, as after an error of `commit`.
 */
const isGoodAfter = (error: unknown, client: pg.PoolClient) =>
  isOfStatement(error) && client.getTransactionStatus() === "I";
