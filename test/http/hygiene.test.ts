/** Security: no request bypasses a route's role or leaks secrets, and known vulnerabilities of libraries do not apply. */
import { once } from "node:events";
import { connect } from "node:net";
import { sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createKey, type Provider, startProvider } from "../support/provider.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const AUTH_SECRET = "the secret of the tests of hygiene";
const CURSOR_KEY = "the cursor key of the tests of hygiene";
const SHOP = "https://shop.example";

let database: TestDatabase;
let worker: TestWorker;
let api: Client;
let clerk: string;
let editor: string;

beforeAll(async () => {
  database = await createTestDatabase();
  worker = await startWorker(database, { AUTH_SECRET, CURSOR_KEY, CORS_ORIGINS: SHOP });
  api = await createClient(worker.url);
  [clerk, editor] = await Promise.all([bearer("clerk"), bearer("editor")]);
});

async function bearer(role: string): Promise<string> {
  const token = new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("tester")
    .setExpirationTime("1h");
  return `Bearer ${await token.sign(new TextEncoder().encode(AUTH_SECRET))}`;
}

/** Sends text unchanged, and returns the status of the response; undefined if the connection closes without one. */
async function statusOf(request: string): Promise<number | undefined> {
  const { hostname, port } = new URL(worker.url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk) => {
    answer += chunk;
    if (answer.includes("\r\n")) socket.destroy();
  });
  socket.on("error", () => {});
  socket.write(request, "latin1");
  await once(socket, "close");
  const [, status] = answer.match(/^HTTP\/1\.1 (\d{3})/) ?? [];
  return status === undefined ? undefined : Number(status);
}

describe("the role of a route", () => {
  let id: string;

  beforeAll(async () => {
    const made = await api("POST", "/api/v1/books", { body: newBook(), headers: { Authorization: editor } });
    id = made.json.id;
  });

  const isThere = async () => (await api("GET", `/api/v1/books/${id}`)).status === 200;

  test.each([
    "/api/v1/books/ID/",
    "/api/v1/books/ID//",
    "//api/v1/books/ID",
    "/api//v1/books/ID",
    "/api/v1/books//ID",
    "/./api/v1/books/ID",
    "/api/v1/books/./ID",
    "/api/v1/books/ID/.",
    "/api/v1/books/ID/x/..",
    "/health/../api/v1/books/ID",
    "/health/%2e%2e/api/v1/books/ID",
    "/health/%2E./api/v1/books/ID",
    "/health/..%2fapi/v1/books/ID",
    "/health%2f..%2fapi/v1/books/ID",
    "/health\\..\\api\\v1\\books\\ID",
    "/health/..;/api/v1/books/ID",
    "/api/v1/books/isbn/../ID",
    "/api/v1/books/isbn%2f..%2fID",
    "/api/v1/books%2FID",
    "/api/v1/books%5CID",
    "/api\\v1\\books\\ID",
    "/api/v1/books/%2fID",
    "/api/v1/books/ID%2f",
    "/api/v1/books/ID%00",
    "/api/v1/books/ID%20",
    "/api/v1/books/ID%0d%0a",
    "/api/v1/books/ID%3F",
    "/api/v1/books/ID%23",
    "/api/v1/books/ID;role=editor",
    "/api/v1/books/ID.json",
    "/api/v1/books/ID?role=editor",
    "/api/v1/books/ID?_method=GET",
    "/api/v1/books/ID?access_token=x",
    "/API/V1/BOOKS/ID",
    "/api/v1/Books/ID",
    "/%61pi/v1/books/ID",
    "/api/v1/book%73/ID",
    "/api/v1/%62%6f%6f%6b%73/ID",
    "/api/v1/%2562ooks/ID",
    "/api/v1/ｂooks/ID",
    "http://127.0.0.1/api/v1/books/ID",
    "http://user:pass@127.0.0.1/api/v1/books/ID",
    // CVE-2025-58362: Hono searched for the path after the eighth character.
    "http:/api/v1/books/ID",
    "http:///health?/api/v1/books/ID",
    "http://health/api/v1/books/ID",
    "x://y/api/v1/books/ID",
    "ID",
  ])("DELETE %s does not bypass the route's role", async (path) => {
    const target = path.replace("ID", id);
    for (const authorization of ["", `Authorization: ${clerk}\r\n`]) {
      const status = await statusOf(
        `DELETE ${Buffer.from(target).toString("latin1")} HTTP/1.1\r\nHost: 127.0.0.1\r\n${authorization}\r\n`,
      );
      // The route was found and refused the request, or no route was found.
      expect([400, 401, 403, 404, 405, 422, undefined]).toContain(status);
      expect(await isThere(), "the book is there").toBe(true);
    }
  });

  test.each(["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method", "_method"])(
    "the header %s does not change the method",
    async (name) => {
      const headers = { [name]: "DELETE", Authorization: editor };
      const path = `/api/v1/books/${id}`;
      expect((await api("GET", path, { headers })).status).toBe(200);
      expect((await api("POST", path, { headers })).status).toBe(405);
      expect((await api("POST", `${path}?${name}=DELETE`, { headers })).status).toBe(405);
      expect((await api("GET", `${path}?${name}=DELETE`, { headers })).status).toBe(422);
      const raw = `${name}=DELETE`;
      const form = { ...headers, "Content-Type": "application/x-www-form-urlencoded" };
      expect((await api("POST", path, { raw, headers: form })).status).toBe(405);
      expect(await isThere(), "the book is there").toBe(true);
      // A write must not become a read either, which would need no role.
      const disguised = { [name]: "GET" };
      expect((await api("DELETE", path, { headers: disguised })).status).toBe(401);
    },
  );

  test.each(["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Prefix", "X-Forwarded-Uri"])(
    "the header %s does not change the path",
    async (name) => {
      const headers = { [name]: "/health" };
      expect((await api("GET", "/api/v1/tasks", { headers })).status).toBe(401);
      expect((await api("DELETE", `/api/v1/books/${id}`, { headers })).status).toBe(401);
      expect((await api("GET", "/nothing", { headers })).status).toBe(404);
    },
  );

  test.each([
    ["a cookie", { Cookie: "token=TOKEN; Authorization=TOKEN; session=TOKEN" }],
    ["another header", { "X-Authorization": "TOKEN", "X-Api-Key": "TOKEN", "Proxy-Authorization": "TOKEN" }],
    ["a claim to be the proxy", { "X-Forwarded-User": "admin", "X-Forwarded-For": "127.0.0.1" }],
  ])("%s is not accepted as a token", async (_, sent) => {
    const headers = Object.fromEntries(
      Object.entries(sent).map(([name, value]) => [name, value.replaceAll("TOKEN", editor)]),
    );
    expect((await api("DELETE", `/api/v1/books/${id}`, { headers })).status).toBe(401);
    expect((await api("DELETE", `/api/v1/books/${id}?access_token=${editor.slice(7)}`)).status).toBe(401);
  });

  test.each(["delete", "Delete", "DELETE\t", "DELETE/x", "GET,DELETE"])(
    "the method %j does not exist",
    async (method) => {
      const head = `${method} /api/v1/books/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${editor}\r\n\r\n`;
      expect([400, 405, 501, undefined]).toContain(await statusOf(head));
      expect(await isThere(), "the book is there").toBe(true);
    },
  );
});

describe("secrets in the log", () => {
  /** The whole log, once it contains all of the named requests. */
  async function logOf({ logs }: TestWorker, ids: string[]): Promise<string> {
    const log = () => logs().join("\n");
    await expect.poll(() => ids.filter((id) => !log().includes(id))).toEqual([]);
    return log();
  }

  /** Sends valid and invalid requests with marks in every part, and returns their ids. */
  async function askAll(client: Client, authorization: string): Promise<string[]> {
    const ids: string[] = [];
    const send = async (method: string, path: string, options: Parameters<Client>[2] = {}) => {
      const id = crypto.randomUUID();
      ids.push(id);
      const headers = { "X-Request-Id": id, Cookie: "MARK-COOKIE=1", "User-Agent": "MARK-AGENT" };
      return client(method, path, { ...options, headers: { ...headers, ...options.headers } });
    };
    const good = { Authorization: authorization };
    await send("GET", "/api/v1/books?search=MARK-QUERY&cursor=MARK-CURSOR");
    await send("GET", "/api/v1/books?search=MARK-QUERY&count=exact");
    await send("GET", "/api/v1/books/MARK-PATH");
    await send("GET", "/MARK-PATH?MARK-QUERY");
    await send("POST", "/api/v1/tasks?MARK-QUERY=1", { body: { title: "MARK-BODY" }, headers: good });
    await send("POST", "/api/v1/tasks", { body: { title: "MARK-BODY" }, headers: good });
    await send("POST", "/api/v1/tasks", {
      raw: "MARK-BODY",
      headers: { "Content-Type": "application/json" },
    });
    await send("POST", "/api/v1/tasks", {
      raw: "MARK-BODY",
      headers: { ...good, "Content-Type": "application/json" },
    });
    await send("GET", "/api/v1/tasks", { headers: { Authorization: "Bearer MARK-TOKEN" } });
    await send("GET", "/api/v1/tasks", { headers: { Authorization: `${authorization.slice(0, -6)}FORGED` } });
    await send("GET", "/api/v1/tasks", { headers: { Authorization: "Basic TUFSSy1QQVNTV09SRA==" } });
    await send("PATCH", "/api/v1/tasks/MARK-PATH", {
      body: { title: 1 },
      headers: { ...good, "If-Match": '"MARK-TAG"' },
    });
    return ids;
  }

  function expectNone(log: string, secrets: string[]) {
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(7);
      expect(log).not.toContain(secret);
    }
    expect(log).not.toMatch(/MARK|FORGED|Bearer|TUFSSy1/);
  }

  const password = () => decodeURIComponent(new URL(database.url).password);

  test("the log of a server with a secret contains no secrets", async () => {
    const log = await logOf(worker, await askAll(api, clerk));
    expectNone(log, [AUTH_SECRET, CURSOR_KEY, password(), ...clerk.slice(7).split(".")]);
    expect(log).toContain('"role":"clerk"');
  });

  describe("a server with a provider", () => {
    let provider: Provider;
    let token: string;

    beforeAll(async () => {
      provider = await startProvider();
      const { kid, privateKey, jwk } = await createKey("ES256", "MARK-KEY");
      provider.publish(jwk);
      token = await new SignJWT({ roles: ["clerk"] })
        .setProtectedHeader({ alg: "ES256", kid })
        .setSubject("tester")
        .setIssuer(SHOP)
        .setExpirationTime("1h")
        .sign(privateKey);
    });

    test.each([
      ["that answers", () => {}],
      ["that does not", () => (provider.answer = (response) => response.destroy())],
    ])("%s", async (_, before) => {
      before();
      const keyed = await startWorker(database, {
        AUTH_JWKS_URL: provider.url,
        AUTH_ISSUER: SHOP,
        CURSOR_KEY,
      });
      const log = await logOf(keyed, await askAll(await createClient(keyed.url), `Bearer ${token}`));
      expectNone(log, [CURSOR_KEY, password(), ...token.split(".")]);
    });
  });

  test.each<[string, () => Record<string, string>]>([
    ["is away", () => ({ NEON_FETCH_ENDPOINT: "http://127.0.0.1:9/sql" })],
    ["takes another password", () => ({ DATABASE_URL: database.url.replace(/:[^:@]+@/, ":MARK-PASSWORD@") })],
    ["does not exist", () => ({ DATABASE_URL: `${database.url}-gone` })],
  ])("the log of a server whose database %s contains no secrets", async (_, bindings) => {
    const broken = await startWorker(database, { AUTH_SECRET, CURSOR_KEY, ...bindings() });
    const log = await logOf(broken, await askAll(await createClient(broken.url), clerk));
    expect(log).toContain("database_unavailable");
    expectNone(log, [AUTH_SECRET, CURSOR_KEY, password(), ...clerk.slice(7).split(".")]);
  });
});

/** Known vulnerabilities of dependencies. Other tests name further ones. */
describe("known vulnerabilities", () => {
  // CVE-2025-59139: Hono's body limit trusted the smaller of two lengths.
  test("a body with two lengths is not read beyond the limit", async () => {
    const body = `{"title":"${"a".repeat(2 * 1024 * 1024)}"}`;
    const status = await statusOf(
      `POST /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${clerk}\r\nContent-Type: application/json\r\n` +
        "Content-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n" +
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    expect([400, 413, undefined]).toContain(status);
  });

  // GHSA-q7jf-gf43-6x6p: Hono's cors copied a request's Vary to its response.
  test("a request's Vary does not appear in its response", async () => {
    for (const method of ["GET", "OPTIONS"]) {
      const headers = { Origin: SHOP, Vary: "X-Mark", "Access-Control-Request-Method": "GET" };
      const answer = await rawRequest(worker.url, { method, path: "/api/v1/books", headers });
      expect(answer.headers.get("Vary")).toContain("Origin");
      expect(answer.headers.get("Vary")).not.toContain("X-Mark");
    }
  });

  // CVE-2026-54290: Hono's cors reflected any origin with credentials. The test client refuses the credentials header.
  test.each([SHOP, "https://evil.example", "null"])("no page of %s may send credentials", async (Origin) => {
    const headers = { Origin, Cookie: "a=b", "Access-Control-Request-Method": "GET" };
    for (const method of ["GET", "OPTIONS"]) {
      const answer = await api(method, "/api/v1/books", { headers });
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe(Origin === SHOP ? SHOP : "*");
    }
  });

  // CVE-2026-39356: Drizzle did not escape quotes in names.
  test("a quoted name cannot be ended by a quote in it", () => {
    const { sql: text, params } = new PgDialect().sqlToQuery(
      sql`select ${1} as ${sql.identifier('a" from books; drop table books; --')}`,
    );
    expect([text, params]).toEqual(['select $1 as "a"" from books; drop table books; --"', [1]]);
  });
});
