/** The responses that the document promises: each operation, each of its statuses, and each problem with that status. */
import { createHash } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, type Options, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { BODIES, CONFLICTS, goodRequest, type Operation, operationsOf } from "../support/requests.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { startWorker } from "../support/worker.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";
const JSON_TYPE = { "Content-Type": "application/json" };

type Given = Pick<Answer, "status"> & { error: string | undefined };

let database: TestDatabase;
let operations: Operation[];
/** A server on which everybody may write. */
let open: { url: string; api: Client };
/** A client without a token, of a server that needs one. */
let closed: Client;
/** A server with a short deadline on each runtime. */
let hasty: string[];
/** A client of a server that allows one request a day. */
let limited: Client;
/** A client of a server whose database is unreachable. */
let away: Client;
/** A server without a configuration. */
let misconfigured: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const start = async (bindings: Record<string, string | undefined>) =>
    (await startWorker(database, bindings)).url;
  const everybody = { OPEN_LOCAL_WRITES: "true" };
  const [openUrl, closedUrl, awayUrl, misconfiguredUrl] = await Promise.all([
    start(everybody),
    start({ AUTH_SECRET: SECRET }),
    // Nothing listens on port 9, discard.
    start({ ...everybody, NEON_FETCH_ENDPOINT: "http://127.0.0.1:9/sql" }),
    start({ DATABASE_URL: undefined }),
  ]);
  open = { url: openUrl, api: await createClient(openUrl) };
  [closed, away] = await Promise.all([createClient(closedUrl), createClient(awayUrl)]);
  misconfigured = misconfiguredUrl;
  const variables = { AUTH_SECRET: SECRET, REQUEST_TIMEOUT_MS: "200" };
  const servers = RUNTIMES.map((runtime) => startServer(runtime, database, variables));
  hasty = (await Promise.all(servers)).map(({ url }) => url);
  const quota = { AUTH_SECRET: SECRET, RATE_LIMIT: "1/86400" };
  limited = await createClient((await startServer("node", database, quota)).url, await tokenFor("admin"));
  operations = operationsOf((await open.api("GET", "/openapi.json")).json);
});

/** Sends a good request with changes. */
async function ask(
  operation: Operation,
  change: Options & { query?: string } = {},
  api = open.api,
): Promise<Given> {
  const { path, body } = await goodRequest(operation, open.api);
  const { query = "", ...options } = change;
  return given(
    await api(operation.method, path + query, { ...(!("raw" in change) && { body }), ...options }),
  );
}

const typeOf = (body: object | undefined) =>
  body instanceof Blob ? { "Content-Type": body.type } : JSON_TYPE;

/** A page that explains a problem has its code, but is none. */
const given = ({ status, json }: Pick<Answer, "status" | "json">): Given => ({
  status,
  error: status < 400 ? undefined : json?.error,
});

/** The role that is not quite enough, for each role. */
const LESSER = new Map([
  ["clerk", "none"],
  ["editor", "clerk"],
  ["admin", "editor"],
]);

/** How to provoke each problem. */
const CAUSES: Record<string, (operation: Operation) => Promise<Given>> = {
  invalid_json: (operation) => ask(operation, { raw: "{", headers: JSON_TYPE }),
  invalid_cursor: (operation) => ask(operation, { query: "?cursor=x" }),
  invalid_header: async (operation) => {
    const { path } = await goodRequest(operation, open.api);
    // Only Bun passes such a Host to the app.
    const origin = hasty[RUNTIMES.indexOf("bun")] as string;
    const { status, text } = await rawRequest(origin, {
      method: operation.method,
      path,
      headers: { Host: "a/b" },
    });
    return given({ status, json: JSON.parse(text) });
  },
  unauthorized: (operation) => ask(operation, {}, closed),
  forbidden: async (operation) => {
    const token = await tokenFor(LESSER.get(`${operation.role}`) as "clerk");
    return ask(operation, { headers: { Authorization: `Bearer ${token}` } }, closed);
  },
  not_found: async (operation) => {
    const { body } = await goodRequest(operation, open.api);
    // A missing resource could be created, unless the request demands one.
    const headers = operation.method === "PUT" ? { "If-Match": "*" } : {};
    const missing = operation.path
      .replace("{isbn}", "9780306406157")
      .replace(/\{(code|file)\}/, "x")
      .replaceAll(/\{\w+\}/g, MISSING);
    return given(await open.api(operation.method, missing, { body, headers }));
  },
  request_timeout: async (operation) => {
    const { path, body } = await goodRequest(operation, open.api);
    const headers = { ...typeOf(body), Authorization: `Bearer ${await tokenFor("admin")}` };
    const [answer, ...others] = await Promise.all(
      hasty.map(async (url) => {
        const controller = new AbortController();
        const body = new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode("{")) });
        const init = { method: operation.method, headers, body, duplex: "half", signal: controller.signal };
        const response = await fetch(url + path, init);
        const answer = given({ status: response.status, json: await response.json() });
        controller.abort();
        return answer;
      }),
    );
    for (const other of others) expect(other).toEqual(answer);
    return answer as Given;
  },
  conflict: async (operation) => {
    const conflict = CONFLICTS[operation.name];
    if (!conflict) {
      throw new Error(`Add how ${operation.name} conflicts to CONFLICTS in test/support/requests.ts.`);
    }
    const { path, resource } = await goodRequest(operation, open.api);
    return given(await open.api(operation.method, path, { body: await conflict(open.api, resource) }));
  },
  insufficient_stock: async (operation) => {
    const { path, body } = await goodRequest(operation, open.api);
    const lines = (body as { lines?: object[] }).lines?.map((line) => ({ ...line, delta: -99 }));
    return given(
      await open.api(operation.method, path, { body: lines ? { lines } : { ...body, delta: -99 } }),
    );
  },
  idempotency_in_progress: async (operation) => {
    const key = crypto.randomUUID();
    // The lock that a request holds while it runs; see src/db/idempotency.ts.
    const digest = createHash("sha256")
      .update(JSON.stringify([null, "local", key]))
      .digest("hex");
    const first = await database.connect();
    await first.query("select pg_advisory_lock(hashtextextended($1, 0))", [digest]);
    const second = await ask(operation, { headers: { "Idempotency-Key": key } });
    await first.end();
    return second;
  },
  cursor_expired: async (operation) => {
    const { path } = await goodRequest(operation, open.api);
    const { next_cursor } = (await open.api("GET", path)).json;
    await database.sql("update book_feed set epoch = default");
    return ask(operation, { query: `?cursor=${next_cursor}` });
  },
  precondition_failed: (operation) => ask(operation, { headers: { "If-Match": '"x"' } }),
  payload_too_large: async (operation) => {
    const { path, body } = await goodRequest(operation, open.api);
    if (!(body instanceof Blob)) return ask(operation, { raw: " ".repeat(1_048_577), headers: JSON_TYPE });
    const headers = {
      ...typeOf(body),
      "Content-Length": `${1024 ** 3 + 1}`,
      Authorization: `Bearer ${await tokenFor("admin")}`,
    };
    const { status, text } = await rawRequest(`${hasty[0]}`, { method: operation.method, path, headers });
    return given({ status, json: JSON.parse(text) });
  },
  unsupported_media_type: (operation) => ask(operation, { headers: { "Content-Type": "text/plain" } }),
  misdirected_request: async (operation) => {
    const { path } = await goodRequest(operation, open.api);
    const headers = { Host: "books.example" };
    const { status, text } = await rawRequest(open.url, { method: operation.method, path, headers });
    return given({ status, json: JSON.parse(text) });
  },
  validation_failed: (operation) => ask(operation, { query: "?colour=red" }),
  idempotency_mismatch: async (operation) => {
    const { path, body } = await goodRequest(operation, open.api);
    const headers = { ...JSON_TYPE, "Idempotency-Key": crypto.randomUUID() };
    const raw = JSON.stringify(body);
    await open.api(operation.method, path, { raw, headers });
    return given(await open.api(operation.method, path, { raw: `${raw} `, headers }));
  },
  rate_limited: async (operation) => {
    await ask(operation, {}, limited);
    return ask(operation, {}, limited);
  },
  database_unavailable: (operation) => ask(operation, {}, away),
  service_unavailable: async (operation) => {
    const { path } = await goodRequest(operation, open.api);
    const response = await fetch(misconfigured + path, { method: operation.method });
    expect(response.headers.get("Retry-After")).toBe("60");
    return given({ status: response.status, json: await response.json() });
  },
};

test("each operation gives every response that the document promises", async () => {
  expect(operations.length).toBeGreaterThan(15);
  const broken: string[] = [];
  for (const operation of operations) {
    for (const { status, codes } of operation.responses) {
      for (const code of codes) {
        const answer = await provoke(operation, status, code).catch((error: Error) => error);
        if (answer instanceof Error) broken.push(answer.message);
        else if (answer.status !== status || answer.error !== code) {
          const promised = [status, code].join(" ");
          broken.push(`${operation.name} promises ${promised}, but gives ${answer.status} ${answer.error}.`);
        }
      }
    }
  }
  // One missing body breaks every response of its operation.
  expect([...new Set(broken)]).toEqual([]);
}, 120_000);

async function provoke(operation: Operation, status: number, code: string | undefined): Promise<Given> {
  if (code === undefined) {
    if (status === 201 && operation.method === "PUT") return create(operation);
    return ask(operation, { headers: status === 304 ? { "If-None-Match": "*" } : {} });
  }
  const cause = CAUSES[code];
  if (!cause) throw new Error(`Add how to provoke ${code} to CAUSES in test/http/document.test.ts.`);
  return cause(operation);
}

/** Puts a resource that does not exist. */
async function create({ method, path }: Operation): Promise<Given> {
  const { isbn, ...members } = newBook();
  return given(await open.api(method, path.replace("{isbn}", isbn), { body: members }));
}

test("every body, conflict and cause is of an operation in the document", () => {
  const names = new Set(operations.map(({ name }) => name));
  const codes = new Set(operations.flatMap(({ responses }) => responses.flatMap(({ codes }) => codes)));
  expect([...Object.keys(BODIES), ...Object.keys(CONFLICTS)].filter((name) => !names.has(name))).toEqual([]);
  expect(Object.keys(CAUSES).filter((code) => !codes.has(code))).toEqual([]);
});
