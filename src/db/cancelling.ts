/** Cancels statements whose results nobody waits for: https://www.postgresql.org/docs/current/protocol-flow.html */
import pg from "pg";
import type { Gone } from "./trips.ts";

/** Quicker statements have ended before a cancellation would arrive. */
const CANCEL_AFTER_MS = 100;

/** A connection may get the cancellation late, when it runs another statement. It must not be used again. */
const cancelled = new WeakSet<pg.ClientBase>();

export const isCancelled = (client: pg.ClientBase): boolean => cancelled.has(client);

/** Waits for the result of a statement, and cancels the statement if its callers go. */
export async function cancellable<T>(
  client: pg.ClientBase,
  result: Promise<T>,
  url: string,
  gone: Gone | undefined,
): Promise<T> {
  if (!gone) return result;
  let signal: AbortSignal | undefined;
  const cancel = () => sendCancellation(client, url);
  const timer = setTimeout(() => {
    signal = gone();
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  }, CANCEL_AFTER_MS);
  try {
    return await result;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

/** What node-postgres has, and does not declare. */
interface Identified {
  processID: number | null;
  secretKey: unknown;
}
interface Unconnected {
  host: string;
  port: number;
  connection: pg.Connection & {
    ssl: unknown;
    connect(port: number, host: string): void;
    requestSsl(): void;
    cancel(processID: unknown, secretKey: unknown): void;
  };
}

/** Postgres takes a cancellation on a connection of its own, and answers nothing. */
function sendCancellation(client: pg.ClientBase, url: string): void {
  cancelled.add(client);
  const { processID, secretKey } = client as unknown as Identified;
  const { connection, host, port } = new pg.Client(url) as unknown as Unconnected;
  const send = () => connection.cancel(processID, secretKey);
  connection
    .on("error", () => {})
    .on("connect", () => (connection.ssl ? connection.requestSsl() : send()))
    .on("sslconnect", send);
  connection.connect(port, host);
}
