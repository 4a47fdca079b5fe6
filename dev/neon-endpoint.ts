import { hash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import pg from "pg";

// Follows Neon's proxy, including its error messages:
// https://github.com/neondatabase/neon/blob/main/proxy/src/serverless/sql_over_http.rs

const HOST = "127.0.0.1";
const MAX_BYTES = 10 * 1024 * 1024;
const MAX_IDLE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
const CANCEL_TIMEOUT_MS = 1_000;

/** A running endpoint. */
export interface NeonEndpoint {
  /** The value for `neonConfig.fetchEndpoint`. */
  readonly url: string;
  /** Cancels running queries and resolves when all connections are closed. */
  close(): Promise<void>;
}

/**
 * Serves an ordinary Postgres over Neon's HTTP protocol, for the unmodified driver `@neondatabase/serverless`. Listens only
 * on loopback, and accepts only the user and password in `postgres`. Web pages cannot use it.
 *
 * @param options.postgres connection string of the server; requests may name any of its databases
 * @param options.port the port to listen on; any free port by default
 * @param options.maxConnections the maximum number of connections to Postgres; 20 by default. Further queries wait
 * @throws the system's error if it cannot listen
 */
export async function startNeonEndpoint(options: {
  postgres: string;
  port?: number;
  maxConnections?: number;
}): Promise<NeonEndpoint> {
  const postgres = new URL(options.postgres);
  const databaseOf = gatekeeper(postgres);
  const connections = new Connections(postgres, options.maxConnections ?? 20);

  async function reply(request: IncomingMessage, gone: AbortSignal): Promise<Reply> {
    try {
      requireSqlRequest(request);
      const database = databaseOf(request.headers);
      const format = formatOf(request.headers);
      const { begin, headers } = transactionOf(request.headers);
      const payload = parsePayload(await readBody(request));
      if (!("queries" in payload)) {
        const body = await connections.use(database, gone, (session) => session.run(payload, format));
        return { status: 200, body };
      }
      const { queries } = payload;
      const body = await connections.use(database, gone, (session) => session.runAll(queries, begin, format));
      return { status: 200, headers, body };
    } catch (error) {
      return errorReply(error);
    }
  }

  const server = createServer(async (request, response) => {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    send(response, await reply(request, gone.signal));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(options.port ?? 0, HOST);
  await once(server, "listening");

  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/sql`,
    async close() {
      server.close();
      server.closeAllConnections();
      await connections.close();
    },
  };
}

interface Reply {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  const json = JSON.stringify(body);
  const length = Buffer.byteLength(json);
  response
    .writeHead(status, { "content-type": "application/json", "content-length": length, ...headers })
    .end(json);
}

/** An error of the endpoint itself, not of Postgres. */
class EndpointError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const ERROR_FIELDS = [
  "code",
  "detail",
  "hint",
  "position",
  "internalPosition",
  "internalQuery",
  "severity",
  "where",
  "table",
  "column",
  "schema",
  "dataType",
  "constraint",
  "file",
  "line",
  "routine",
] as const;

function errorReply(error: unknown): Reply {
  const { message, cause } = error as Error;
  const reported = [error, cause].find((error) => error instanceof pg.DatabaseError);
  const fields = Object.fromEntries(ERROR_FIELDS.map((name) => [name, reported?.[name] ?? null]));
  const status = error instanceof EndpointError ? error.status : reported ? 400 : 500;
  return { status, headers: status === 405 ? { allow: "POST" } : {}, body: { message, ...fields } };
}

// A page can reach loopback through DNS rebinding, but it cannot forge Host. Without CORS headers, a browser does not send
// the header with the password.
function requireSqlRequest({ headers, url = "", method }: IncomingMessage): void {
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(headers.host ?? "")) {
    throw new EndpointError(403, "this endpoint serves only loopback hosts");
  }
  if (url.split("?", 1)[0] !== "/sql") throw new EndpointError(404, "the only path is /sql");
  if (method !== "POST") throw new EndpointError(405, "send queries by POST");
}

/** Makes the function that returns the database of a request, and throws without the right user and password. */
function gatekeeper(postgres: URL): (headers: IncomingHttpHeaders) => string {
  const digest = (user: string, password: string) =>
    hash("sha256", JSON.stringify([user, password]), "buffer");
  const credentials = digest(decodeURIComponent(postgres.username), decodeURIComponent(postgres.password));

  return ({ "neon-connection-string": header }) => {
    if (typeof header !== "string") throw new EndpointError(400, "invalid header: neon-connection-string");
    const { protocol, user, password, database } = parseConnectionString(header);
    if (!/^postgres(ql)?:$/.test(protocol)) throw new EndpointError(400, "incorrect scheme");
    if (database === "") throw new EndpointError(400, "missing database name");
    if (user === "") throw new EndpointError(400, "missing username");
    if (password === "")
      throw new EndpointError(400, "missing authentication credentials: required password");
    if (!timingSafeEqual(digest(user, password), credentials)) {
      throw new EndpointError(400, `password authentication failed for user '${user}'`);
    }
    return database;
  };
}

function parseConnectionString(text: string) {
  try {
    const { protocol, username, password, pathname } = new URL(text);
    return {
      protocol,
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: decodeURIComponent(pathname.slice(1)),
    };
  } catch (error) {
    throw new EndpointError(400, `invalid connection string: ${(error as Error).message}`);
  }
}

/** Reads the whole body even if it is too large, because a client that is still sending would not see the response. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BYTES) chunks.push(chunk);
    });
    request.on("end", () => {
      if (size <= MAX_BYTES) resolve(Buffer.concat(chunks).toString());
      else reject(new EndpointError(413, `request is too large (max is ${MAX_BYTES} bytes)`));
    });
    request.on("error", reject);
  });
}

interface Statement {
  query: string;
  params?: unknown[];
  arrayMode?: boolean;
}

function parsePayload(body: string): Statement | { queries: Statement[] } {
  let payload: unknown;
  try {
    payload = JSON.parse(body);
  } catch {
    throw new EndpointError(400, "could not parse the HTTP request body: it is not JSON");
  }
  if (isStatement(payload)) return payload;
  const { queries } = (payload ?? {}) as { queries?: unknown };
  if (Array.isArray(queries) && queries.every(isStatement)) return { queries };
  throw new EndpointError(
    400,
    'could not parse the HTTP request body: expected {"query", "params"} or {"queries": [{"query", "params"}]}',
  );
}

function isStatement(value: unknown): value is Statement {
  const { query, params = [], arrayMode = false } = (value ?? {}) as Record<string, unknown>;
  return typeof query === "string" && Array.isArray(params) && typeof arrayMode === "boolean";
}

/** The statement that begins a transaction, and the headers that report its mode to the client. */
interface Transaction {
  begin: string;
  headers: Record<string, string>;
}

const ISOLATION_LEVELS = new Map([
  ["ReadUncommitted", "read uncommitted"],
  ["ReadCommitted", "read committed"],
  ["RepeatableRead", "repeatable read"],
  ["Serializable", "serializable"],
]);

function transactionOf(headers: IncomingHttpHeaders): Transaction {
  const begin = ["begin"];
  const echo: Record<string, string> = {};
  const level = headers["neon-batch-isolation-level"];
  if (level !== undefined) {
    const clause = ISOLATION_LEVELS.get(`${level}`);
    if (!clause) throw new EndpointError(400, "invalid isolation level");
    begin.push("isolation level", clause);
    echo["neon-batch-isolation-level"] = `${level}`;
  }
  for (const mode of ["read-only", "deferrable"]) {
    const name = `neon-batch-${mode}`;
    if (headers[name] !== "true") continue;
    begin.push(mode.replace("-", " "));
    echo[name] = "true";
  }
  return { begin: begin.join(" "), headers: echo };
}

/** The format of the rows in a response. */
interface Format {
  rawText: boolean;
  arrayMode: boolean;
  /** Keeps values as Postgres sent them, and throws when they exceed the maximum size of a response. */
  types: pg.CustomTypesConfig;
}

function formatOf(headers: IncomingHttpHeaders): Format {
  let remaining = MAX_BYTES;
  const keep = (text: string) => {
    remaining -= text.length;
    if (remaining < 0) throw new EndpointError(507, `response is too large (max is ${MAX_BYTES} bytes)`);
    return text;
  };
  return {
    rawText: headers["neon-raw-text-output"] === "true",
    arrayMode: headers["neon-array-mode"] === "true",
    types: { getTypeParser: () => keep },
  };
}

type Row = (string | null)[];

function formatResult(result: pg.QueryArrayResult<Row>, arrayMode: boolean, rawText: boolean) {
  const { fields, rowCount } = result;
  const rows = rawText
    ? result.rows
    : result.rows.map((row) => row.map((text, i) => jsonValue(text, fields[i]?.dataTypeID)));
  return {
    fields,
    rows: arrayMode
      ? rows
      : rows.map((row) => Object.fromEntries(row.map((value, i) => [fields[i]?.name, value]))),
    rowAsArray: arrayMode,
    command: result.command ?? "",
    rowCount,
  };
}

// bool, int2, int4, float4, float8, json, jsonb and the arrays of these and of text, varchar and uuid
const JSON_TYPES = new Set([16, 21, 23, 700, 701, 114, 3802, 1000, 1005, 1007, 199, 3807, 1009, 1015, 2951]);

function jsonValue(text: string | null, type = 0): unknown {
  if (text === null || !JSON_TYPES.has(type)) return text;
  const value: unknown = pg.types.getTypeParser(type)(text);
  return typeof value === "number" && !Number.isFinite(value) ? text : value;
}

// Statements may leave settings, locks, temporary tables, prepared statements or listeners in their session.
const PLAIN = /^\s*(select|insert|update|delete|merge|with|values)\b/i;
const LASTING = /\b(set_config|pg_(try_)?advisory_lock\w*|(pg_)?temp(orary)?)\b/i;

/** A connection to Postgres, which one request uses at a time. */
class Session {
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

/** A pool of at most `max` connections to all databases. */
class Connections {
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
