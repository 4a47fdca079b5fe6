import pg from "pg";
import type { Driver, Row, Statement, Transaction } from "./database.ts";

/** A {@link Driver} that holds connections, until `end` has let the last call finish. */
export interface PooledDriver extends Driver {
  end(): Promise<void>;
}

export interface PoolOptions {
  /** `postgres://user:password@host/database`, with `?sslmode=…` and what else libpq knows. */
  url: string;
  /** The most connections that are open at a time. */
  size: number;
  /** Milliseconds after which a connection that gives no sign of life is dropped; above what any call may take. */
  timeout: number;
}

const BEGIN: Record<Transaction, string> = {
  snapshot: "begin isolation level repeatable read read only",
  write: "begin isolation level read committed",
};

/**
 * Pooled TCP by node-postgres, for runtimes that live longer than a request. In its pipeline mode the statements
 * of a batch leave together, `begin` and `commit` among them, so that a batch is one round trip here too.
 *
 * A call that is aborted leaves its connection to finish (the database's statement timeout sees to that): so the pool
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
  // An idle connection broke. The pool drops it by itself, and opens another when it needs one.
  pool.on("error", () => {});

  const onConnection = async <T>(work: (client: pg.PoolClient) => Promise<T>, signal: AbortSignal) => {
    const client = await pool.connect();
    if (signal.aborted) {
      client.release();
      throw signal.reason;
    }
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      // An error that the server sent leaves the connection good.
      client.release(!(error instanceof pg.DatabaseError));
      throw error;
    }
  };

  const run = async (client: pg.PoolClient, { text, values }: Statement): Promise<Row[]> =>
    (await client.query<Row>({ text, values })).rows;

  return {
    query: (statement, signal) =>
      unlessAborted(
        onConnection((client) => run(client, statement), signal),
        signal,
      ),
    batch: (transaction, statements, signal) =>
      unlessAborted(
        onConnection(async (client) => {
          const texts = [
            { text: BEGIN[transaction], values: [] },
            ...statements,
            { text: "commit", values: [] },
          ];
          const settled = await Promise.allSettled(texts.map((statement) => run(client, statement)));
          // Of errors the first is the cause: those behind it only tell that the transaction has failed.
          const failed = settled.find((result) => result.status === "rejected");
          if (failed) throw failed.reason;
          return settled.slice(1, -1).map((result) => (result as PromiseFulfilledResult<Row[]>).value);
        }, signal),
        signal,
      ),
    end: () => pool.end(),
  };
}

/** The result, or the signal's reason as soon as it aborts; the work itself goes on. */
function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
