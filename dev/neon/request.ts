/** Parses and checks the requests of Neon's driver. */
import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { EndpointError } from "./reply.ts";

const MAX_BYTES = 10 * 1024 * 1024;

// A page can reach loopback through DNS rebinding, but it cannot forge Host. Without CORS headers, a browser does not send
// the header with the password.
export function requireSqlRequest({ headers, url = "", method }: IncomingMessage): void {
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(headers.host ?? "")) {
    throw new EndpointError(403, "this endpoint serves only loopback hosts");
  }
  if (url.split("?", 1)[0] !== "/sql") throw new EndpointError(404, "the only path is /sql");
  if (method !== "POST") throw new EndpointError(405, "send queries by POST");
}

/** Makes the function that returns the database of a request, and throws without the right user and password. */
export function gatekeeper(postgres: URL): (headers: IncomingHttpHeaders) => string {
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
export function readBody(request: IncomingMessage): Promise<string> {
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

export interface Statement {
  query: string;
  params?: unknown[];
  arrayMode?: boolean;
}

export function parsePayload(body: string): Statement | { queries: Statement[] } {
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

export function transactionOf(headers: IncomingHttpHeaders): Transaction {
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
