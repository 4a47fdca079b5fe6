import pg from "pg";
import { LateError, within } from "../deadline.ts";
import type { Driver, Row, Statement, Transaction } from "./database.ts";
import { isOfStatement } from "./faults.ts";

/** A {@link Driver} that holds connections, until `end` has let the last call finish. */
export interface PooledDriver extends Driver {
  end(): Promise<void>;
}

export interface PoolOptions {
  /** `postgres://user:password@host/database`, with `?sslmode=…` and what else libpq knows. */
  url: string;
  /** The most connections that are open at a time. */
  size: number;
  /** Milliseconds after which either side drops a connection without a sign of life; above what any call may take. */
  timeout: number;
}

const MODE: Record<Transaction, string> = {
  snapshot: "isolation level repeatable read read only",
  write: "isolation level read committed",
};

/**
 * Pooled TCP by node-postgres, for runtimes that live longer than a request. In its pipeline mode the statements
 * of a batch leave together, `begin` and `commit` among them, so that a batch is one round trip here too.
 *
 * A call whose time is over leaves its connection to finish (the database's statement timeout sees to that): so the pool
 * never has more backends at work than connections, and no other call loses its own.
 */
export function pooledDriver({ url, size, timeout }: PoolOptions): PooledDriver {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    pipeline: true,
    application_name: "octavo",
    connectionTimeoutMillis: timeout,
    query_timeout: timeout,
    keepAlive: true,
  });
  // A connection broke. Its queries reject and the pool drops it; events that nobody hears would end the process.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));

  const onConnection = <T>(time: number, work: (client: pg.PoolClient) => Promise<T>) =>
    within(time, onConnectionBefore(performance.now() + time, work));

  const onConnectionBefore = async <T>(end: number, work: (client: pg.PoolClient) => Promise<T>) => {
    const client = await pool.connect();
    if (performance.now() >= end) {
      client.release();
      throw new LateError();
    }
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(!isGoodAfter(error, client));
      throw error;
    }
  };

  const run = async (client: pg.PoolClient, statement: Statement): Promise<Row[]> =>
    (await client.query<Row>(statement)).rows;

  return {
    query: (statement, time) => onConnection(time, (client) => run(client, statement())),
    batch: (transaction, statements, time) =>
      onConnection(time, async (client) => {
        // Should the rest of the batch get lost with the network, nobody else would end the transaction.
        const begin = `begin ${MODE[transaction]}; set local idle_in_transaction_session_timeout = ${timeout}`;
        const texts = [{ text: begin, values: [] }, ...statements, { text: "commit", values: [] }];
        const settled = await Promise.allSettled(texts.map((statement) => run(client, statement)));
        const [begun] = settled;
        // Without a transaction each statement behind it was one by itself.
        if (begun?.status === "rejected")
          throw new Error("The transaction did not begin.", { cause: begun.reason });
        // Of errors the first is the cause: those behind it only tell that the transaction has failed.
        const failed = settled.find((result) => result.status === "rejected");
        if (failed) throw failed.reason;
        return settled.slice(1, -1).map((result) => (result as PromiseFulfilledResult<Row[]>).value);
      }),
    end: () => pool.end(),
  };
}

/**
 * Whether a connection can be used again: after an error of a statement, but not after a fatal one, and not where the
 * transaction is still open, as after an error of `commit`.
 */
const isGoodAfter = (error: unknown, client: pg.PoolClient) =>
  isOfStatement(error) && client.getTransactionStatus() === "I";
