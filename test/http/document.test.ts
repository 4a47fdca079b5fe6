/** Every answer that the document promises is given: each operation with each of its statuses and each of their problems. */
import { createHash } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, type Options, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { startWorker } from "../support/worker.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";
const JSON_TYPE = { "Content-Type": "application/json" };

interface Operation {
  /** As in `GET /api/v1/books/{id}`. */
  name: string;
  method: string;
  path: string;
  /** The codes of its problems by status; a success has none. */
  answers: { status: number; codes: (string | undefined)[] }[];
}

type Given = Pick<Answer, "status"> & { error: string | undefined };

let database: TestDatabase;
let operations: Operation[];
/** Where everybody may do everything. */
let open: { url: string; api: Client };
/** Where tokens are asked for; the client has none. */
let closed: Client;
/** Where time is short, on each runtime. */
let hasty: string[];
/** Where one request a day is all. */
let limited: Client;
/** Whose database is away. */
let away: Client;
/** Without a configuration. */
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

// biome-ignore lint/suspicious/noExplicitAny: the document's type is not the matter here
function operationsOf(document: any): Operation[] {
  return Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    Object.entries<any>(methods).map(([method, { responses }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      // biome-ignore lint/suspicious/noExplicitAny: see above
      answers: Object.entries<any>(responses).map(([status, { content }]) => ({
        status: Number(status),
        codes: content?.["application/problem+json"]?.schema.allOf[1].properties.error.enum ?? [undefined],
      })),
    })),
  );
}

let isbns = 600_000_000;

/** Where an operation finds something, and what it takes. */
async function goodRequest({ name, path }: Operation) {
  const book = (await open.api("POST", "/api/v1/books", { body: newBook({ isbn: isbnOf(isbns++) }) })).json;
  const task = (await open.api("POST", "/api/v1/tasks", { body: { title: "Dust" } })).json;
  const bodies: Record<string, object> = {
    "POST /api/v1/books": newBook({ isbn: isbnOf(isbns++) }),
    "PATCH /api/v1/books/{id}": { price: 5 },
    "PUT /api/v1/books/{id}": { price: 5 },
    "POST /api/v1/books/{id}/stock": { delta: -1 },
    "POST /api/v1/tasks": { title: `Dust ${isbns}` },
    "PATCH /api/v1/tasks/{id}": { completed: true },
  };
  return {
    path: path
      .replace("{id}", path.includes("/tasks/") ? task.id : book.id)
      .replace("{isbn}", book.isbn)
      .replace("{error}", "conflict")
      .replace("{file}", "start.js"),
    body: bodies[name],
    book,
  };
}

/** A good request with changes. */
async function ask(
  operation: Operation,
  change: Options & { query?: string } = {},
  api = open.api,
): Promise<Given> {
  const { path, body } = await goodRequest(operation);
  const { query = "", ...options } = change;
  return given(
    await api(operation.method, path + query, { ...(!("raw" in change) && { body }), ...options }),
  );
}

/** An explained problem is no problem, though it has the code of one. */
const given = ({ status, json }: Pick<Answer, "status" | "json">): Given => ({
  status,
  error: status < 400 ? undefined : json?.error,
});

/** How each problem comes about. */
const CAUSES: Record<string, (operation: Operation) => Promise<Given>> = {
  invalid_json: (operation) => ask(operation, { raw: "{", headers: JSON_TYPE }),
  invalid_cursor: (operation) => ask(operation, { query: "?cursor=x" }),
  invalid_header: async (operation) => {
    const { path } = await goodRequest(operation);
    // Of the runtimes, Bun alone lets such a Host through to the app.
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
    const role = /tasks|stock/.test(operation.path) ? "nobody" : "clerk";
    return ask(
      operation,
      { headers: { Authorization: `Bearer ${await tokenFor(role as "clerk")}` } },
      closed,
    );
  },
  not_found: async ({ method, path, ...operation }) => {
    const { body } = await goodRequest({ method, path, ...operation });
    const missing = path
      .replace("{id}", MISSING)
      .replace("{isbn}", "9780306406157")
      .replace(/\{(error|file)\}/, "x");
    return given(await open.api(method, missing, { body }));
  },
  request_timeout: async (operation) => {
    const { path } = await goodRequest(operation);
    const headers = { ...JSON_TYPE, Authorization: `Bearer ${await tokenFor("admin")}` };
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
    const { book } = await goodRequest(operation);
    return ask(operation, {
      body: operation.method === "POST" ? newBook({ isbn: book.isbn }) : { isbn: book.isbn },
    });
  },
  insufficient_stock: (operation) => ask(operation, { body: { delta: -99 } }),
  idempotency_in_progress: async (operation) => {
    const key = crypto.randomUUID();
    // What a request holds as long as it runs: see src/db/idempotency.ts.
    const digest = createHash("sha256")
      .update(JSON.stringify([null, "local", key]))
      .digest("hex");
    const first = await database.connect();
    await first.query("select pg_advisory_lock(hashtextextended($1, 0))", [digest]);
    const second = await ask(operation, { headers: { "Idempotency-Key": key } });
    await first.end();
    return second;
  },
  precondition_failed: (operation) => ask(operation, { headers: { "If-Match": '"x"' } }),
  payload_too_large: (operation) => ask(operation, { raw: " ".repeat(1_048_577), headers: JSON_TYPE }),
  unsupported_media_type: (operation) => ask(operation, { headers: { "Content-Type": "text/plain" } }),
  misdirected_request: async (operation) => {
    const { path } = await goodRequest(operation);
    const headers = { Host: "books.example" };
    const { status, text } = await rawRequest(open.url, { method: operation.method, path, headers });
    return given({ status, json: JSON.parse(text) });
  },
  validation_failed: (operation) => ask(operation, { query: "?colour=red" }),
  idempotency_mismatch: async (operation) => {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    await ask(operation, { headers });
    return ask(operation, { headers });
  },
  rate_limited: async (operation) => {
    await ask(operation, {}, limited);
    return ask(operation, {}, limited);
  },
  database_unavailable: (operation) => ask(operation, {}, away),
  service_unavailable: async (operation) => {
    const { path } = await goodRequest(operation);
    const response = await fetch(misconfigured + path, { method: operation.method });
    expect(response.headers.get("Retry-After")).toBe("60");
    return given({ status: response.status, json: await response.json() });
  },
};

test("each operation gives each answer that the document promises of it", async () => {
  expect(operations.length).toBeGreaterThan(15);
  const promised: string[] = [];
  const kept: string[] = [];
  for (const operation of operations) {
    for (const { status, codes } of operation.answers) {
      for (const code of codes) {
        promised.push([operation.name, status, code].join(" "));
        const cause = code === undefined ? undefined : CAUSES[code];
        const headers = status === 304 ? { "If-None-Match": "*" } : {};
        const answer = await (cause ? cause(operation) : ask(operation, { headers }));
        kept.push([operation.name, answer.status, answer.error].join(" "));
      }
    }
  }
  expect(kept).toEqual(promised);
}, 120_000);

test("no cause is left that no operation has", () => {
  const codes = operations.flatMap(({ answers }) => answers.flatMap(({ codes }) => codes));
  expect(new Set(codes.filter((code) => code !== undefined))).toEqual(new Set(Object.keys(CAUSES)));
});
