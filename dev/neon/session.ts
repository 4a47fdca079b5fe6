import { connect } from "node:net";
import pg from "pg";
import { EndpointError } from "./reply.ts";
import type { Statement } from "./request.ts";
import { type Format, formatResult, type Row } from "./result.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const CANCEL_TIMEOUT_MS = 1_000;

// Statements may leave settings, locks, temporary tables, prepared statements or listeners in their session.
const PLAIN = /^\s*(select|insert|update|delete|merge|with|values)\b/i;
const LASTING = /\b(set_config|pg_(try_)?advisory_lock\w*|(pg_)?temp(orary)?)\b/i;

/** A connection to Postgres, which one request uses at a time. */
export class Session {
  readonly database: string;
  readonly #client: pg.Client & { processID?: number; secretKey?: number };
  #isLost = false;
  #isTouched = false;

  constructor(postgres: URL, database: string) {
    const url = new URL(postgres);
    url.pathname = encodeURIComponent(database);
    this.database = database;
    this.#client = new pg.Client({
      connectionString: url.href,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: "neon-endpoint",
    });
    const lose = () => {
      this.#isLost = true;
    };
    this.#client.on("error", lose).on("end", lose);
  }

  /** Whether the connection is unusable. */
  get isLost(): boolean {
    return this.#isLost;
  }

  async open(): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      throw new EndpointError(500, `error connecting to server: ${(error as Error).message}`, {
        cause: error,
      });
    }
    // On COPY FROM STDIN, `pg` sends no data, but also not the Sync that the server then waits for.
    const { connection } = this.#client;
    connection.on("copyInResponse", () => connection.sync());
  }

  /** Runs one statement and returns its result in the requested format. */
  async run({ query, params = [], arrayMode }: Statement, { types, ...format }: Format) {
    this.#isTouched ||= !PLAIN.test(query) || LASTING.test(query);
    // Like Neon, uses the extended protocol even without parameters; it rejects two statements in one query.
    const config = { text: query, values: params, types, rowMode: "array", queryMode: "extended" } as const;
    const result = await this.#exchange<Row>(config);
    return formatResult(result, arrayMode ?? format.arrayMode, format.rawText);
  }

  /** Runs statements as one transaction, which the first error rolls back. */
  async runAll(statements: Statement[], begin: string, format: Format) {
    await this.#exchange(begin);
    try {
      const results: unknown[] = [];
      for (const statement of statements) results.push(await this.run(statement, format));
      await this.#exchange("commit");
      return { results };
    } catch (error) {
      await this.#exchange("rollback").catch(() => {});
      throw error;
    }
  }

  async #exchange<R extends unknown[]>(query: string | pg.QueryArrayConfig): Promise<pg.QueryArrayResult<R>> {
    if (this.#isLost) throw new EndpointError(400, "connection closed");
    try {
      return await this.#client.query<R>(query as pg.QueryArrayConfig);
    } catch (error) {
      if (error instanceof EndpointError) throw error;
      // After FATAL and PANIC, Postgres closes the connection.
      this.#isLost ||= !(error instanceof pg.DatabaseError && error.severity === "ERROR");
      throw error instanceof pg.DatabaseError ? error : new EndpointError(400, (error as Error).message);
    }
  }

  /** Cancels the running query: https://www.postgresql.org/docs/current/protocol-flow.html */
  cancel(): void {
    // The cancel request may arrive late and hit the next query, so there must be none.
    this.#isLost = true;
    const { host, port, processID = 0, secretKey = 0 } = this.#client;
    const CANCEL_REQUEST = 80877102;
    const message = Buffer.alloc(16);
    for (const [i, word] of [message.length, CANCEL_REQUEST, processID, secretKey].entries()) {
      message.writeInt32BE(word, 4 * i);
    }
    connect(port, host)
      .on("error", () => {})
      .end(message);
    setTimeout(() => this.close(), CANCEL_TIMEOUT_MS).unref();
  }

  /** Resets the session for the next request; false if that fails. */
  async reset(): Promise<boolean> {
    if (this.#isTouched) {
      try {
        // This fails, as intended, in a transaction that was left open.
        await this.#exchange("discard all");
        this.#isTouched = false;
      } catch {
        return false;
      }
    }
    return !this.#isLost;
  }

  /** Closes the connection, which ends a running query. */
  close(): Promise<void> {
    return this.#client.end();
  }
}
