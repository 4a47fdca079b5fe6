/** Cancels statements whose results nobody waits for: https://www.postgresql.org/docs/current/protocol-flow.html */
import pg from "pg";
import { GoneError, within } from "../deadline.ts";
import type { Gone } from "./trips.ts";

/** A cancellation, and the connection after it, cost more than quicker statements do: Postgres forks for each. */
const CANCEL_AFTER_MS = 500;

/** A network that says nothing must not keep the connection's place in the pool. */
const CANCEL_TIMEOUT_MS = 1000;

/**
 * Waits for the result of a statement, and cancels the statement if its callers go. The connection must not be used again: the
 * cancellation may arrive late, during another statement.
 *
 * @throws GoneError once the statement is cancelled
 */
export async function cancellable<T>(
  client: pg.Client,
  result: Promise<T>,
  url: string,
  gone: Gone | undefined,
): Promise<T> {
  if (!gone) return result;
  let stop = () => {};
  const left = new Promise<never>((_, reject) => {
    const leave = () => reject(new GoneError());
    const timer = setTimeout(() => {
      const signal = gone();
      if (signal.aborted) leave();
      signal.addEventListener("abort", leave, { once: true });
      stop = () => signal.removeEventListener("abort", leave);
    }, CANCEL_AFTER_MS);
    stop = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([result, left]);
  } catch (error) {
    if (error instanceof GoneError) {
      await cancel(client, url);
      // node-postgres closes a connection once it is answered, which one that has gone silent never is.
      within(CANCEL_TIMEOUT_MS, result).catch(() => client.connection.stream.destroy());
    }
    throw error;
  } finally {
    stop();
  }
}

/** What node-postgres has, and does not declare. */
interface Undeclared {
  processID: number | null;
  secretKey: unknown;
  connection: {
    startup(): void;
    cancel(processID: unknown, secretKey: unknown): void;
  };
}

/** Postgres takes a cancellation in place of a session's start. It answers nothing, and closes the connection. */
async function cancel(client: pg.Client, url: string): Promise<void> {
  const { processID, secretKey } = client as unknown as Undeclared;
  const canceller = new pg.Client({ connectionString: url, connectionTimeoutMillis: CANCEL_TIMEOUT_MS });
  const { connection } = canceller as unknown as Undeclared;
  connection.startup = () => connection.cancel(processID, secretKey);
  await canceller.connect().catch(() => {});
}
