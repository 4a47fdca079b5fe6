/** Who may do what: tokens, roles, a server that nobody configured, and one that is open to its own machine. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const AUTH_SECRET = "correct horse battery staple 123";
const AUTH_ISSUER = "https://id.example";
const AUTH_AUDIENCE = "octavo";
const ROLES = ["clerk", "editor", "admin"];
const MISSING = "00000000-0000-7000-8000-000000000000";

interface Operation {
  name: string;
  method: string;
  path: string;
  /** The role that it needs; undefined, where it is public. */
  role: string | undefined;
  body?: object;
}

let database: TestDatabase;
let worker: TestWorker;
let api: Client;
let operations: Operation[];

beforeAll(async () => {
  database = await createTestDatabase();
  worker = await startWorker(database, { AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE });
  api = await createClient(worker.url);
  operations = operationsOf((await api("GET", "/openapi.json")).json);
});

// biome-ignore lint/suspicious/noExplicitAny: the document's type is not the matter here
function operationsOf(document: any): Operation[] {
  return Object.entries(document.paths).flatMap(([template, methods]) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    Object.entries<any>(methods as object).map(
      ([method, { operationId, security, requestBody, ...rest }]) => ({
        name: operationId,
        method: method.toUpperCase(),
        path: template
          .replace("{id}", MISSING)
          .replace("{isbn}", "9780306406157")
          .replace("{error}", "forbidden"),
        role: security.length > 0 ? rest["x-role"] : undefined,
        ...(requestBody && { body: {} }),
      }),
    ),
  );
}

/** Whether each operation that needs a role lets a request with these headers in, by its name. */
async function admissions(client: Client, headers: Record<string, string>) {
  const outcomes = secured().map(async ({ name, method, path, body }) => {
    const answer = await client(method, path, { body, headers });
    if (answer.status !== 401 && answer.status !== 403) return [name, "in"] as const;
    expect(answer.headers.get("WWW-Authenticate")).toMatch(/^Bearer /);
    expect(answer.json.error).toBe(answer.status === 401 ? "unauthorized" : "forbidden");
    return [name, answer.status] as const;
  });
  return Object.fromEntries(await Promise.all(outcomes));
}

/** What {@link admissions} should find, where an operation that needs `role` answers `outcome(role)`. */
const expected = (outcome: (role: string) => number | "in") =>
  Object.fromEntries(secured().map(({ name, role }) => [name, outcome(role as string)]));

const secured = () => operations.filter(({ role }) => role !== undefined);

const now = () => Math.floor(Date.now() / 1000);
const key = (secret: string) => new TextEncoder().encode(secret);

function claims(changes: Record<string, unknown> = {}): JWTPayload {
  const good = { sub: "tester", iss: AUTH_ISSUER, aud: AUTH_AUDIENCE, exp: now() + 600, roles: ["admin"] };
  // Members that are undefined are left out of the token.
  return { ...good, ...changes };
}

const sign = (changes?: Record<string, unknown>, { alg = "HS256", secret = AUTH_SECRET } = {}) =>
  new SignJWT(claims(changes)).setProtectedHeader({ alg }).sign(key(secret));

/** A good token whose payload was changed after it was signed. */
async function forged(): Promise<string> {
  const [head, , signature] = (await sign({ roles: ["clerk"] })).split(".");
  return [head, Buffer.from(JSON.stringify(claims())).toString("base64url"), signature].join(".");
}

test("whatever writes and all of the tasks need a role, and nothing else does", () => {
  for (const { name, method, path, role } of operations) {
    const wanted = path.startsWith("/api/v1/tasks") ? "clerk" : method === "GET" ? undefined : "editor";
    expect([name, role]).toEqual([name, wanted]);
  }
  expect(secured().length).toBeGreaterThan(8);
});

test.each([{}, { Authorization: "Bearer garbage" }])(
  "what is public takes no account of %j",
  async (headers) => {
    for (const { path } of operations.filter(({ role }) => role === undefined)) {
      // There are no books here.
      expect((await api("GET", path, { headers })).status).toBe(/books\//.test(path) ? 404 : 200);
    }
  },
);

test.each<[string, () => Promise<string> | string | undefined]>([
  ["no token", () => undefined],
  ["an empty header", () => ""],
  ["no more than the scheme", () => "Bearer"],
  ["garbage", () => "Bearer garbage"],
  ["garbage in three parts", () => "Bearer a.b.c"],
  ["another scheme", async () => `Basic ${await sign()}`],
  ["a token without the scheme", () => sign()],
  ["a token and more", async () => `Bearer ${await sign()} x`],
])("a request with %s is nobody's", async (_, header) => {
  const value = await header();
  expect(await admissions(api, value === undefined ? {} : { Authorization: value })).toEqual(
    expected(() => 401),
  );
});

test.each<[string, () => Promise<string> | string]>([
  ["has expired", () => sign({ exp: now() - 10 })],
  ["is not yet valid", () => sign({ nbf: now() + 60 })],
  ["never expires", () => sign({ exp: undefined })],
  ["expires at no time", () => sign({ exp: "tomorrow" })],
  ["names nobody", () => sign({ sub: undefined })],
  ["names an empty subject", () => sign({ sub: "" })],
  ["names a number", () => sign({ sub: 5 })],
  ["comes from another issuer", () => sign({ iss: "https://evil.example" })],
  ["comes from no issuer", () => sign({ iss: undefined })],
  ["is for another audience", () => sign({ aud: "other" })],
  ["is for no audience", () => sign({ aud: undefined })],
  ["is not signed", () => new UnsecuredJWT(claims()).encode()],
  ["is signed with HS512", () => sign({}, { alg: "HS512", secret: AUTH_SECRET.repeat(2) })],
  ["is signed with HS384 and our secret", () => sign({}, { alg: "HS384" })],
  ["is signed with another secret", () => sign({}, { secret: AUTH_SECRET.toUpperCase() })],
  ["is changed", forged],
  ["is cut", async () => (await sign()).slice(0, -4)],
])("a token that %s is refused", async (_, token) => {
  const headers = { Authorization: `Bearer ${await token()}` };
  expect(await admissions(api, headers)).toEqual(expected(() => 401));
});

test.each<[string, unknown]>([
  ["none", undefined],
  ["an empty list", []],
  ["a string", "admin"],
  ["a list with a number in it", ["admin", 5]],
  ["an object", { admin: true }],
  ["a role in upper case", ["ADMIN"]],
  ["a role that nobody knows", ["owner"]],
  ["roles in one string", ["clerk editor admin"]],
])("of roles, %s is no role", async (_, roles) => {
  const headers = { Authorization: `Bearer ${await sign({ roles })}` };
  expect(await admissions(api, headers)).toEqual(expected(() => 403));
});

test.each<[string, string[]]>([
  ["clerk", ["clerk"]],
  ["editor", ["editor"]],
  ["admin", ["admin"]],
  ["editor", ["clerk", "owner", "editor"]],
])("%s, by roles %j, may do what that role and those below it may", async (held, roles) => {
  const headers = { Authorization: `Bearer ${await sign({ roles })}` };
  const rank = (role: string) => ROLES.indexOf(role);
  expect(await admissions(api, headers)).toEqual(expected((role) => (rank(role) <= rank(held) ? "in" : 403)));
});

test.each<[string, () => Promise<string>]>([
  ["one of several audiences", async () => `Bearer ${await sign({ aud: ["other", AUTH_AUDIENCE] })}`],
  ["the scheme in lower case", async () => `bearer ${await sign()}`],
])("a token with %s is good", async (_, header) => {
  expect(await admissions(api, { Authorization: await header() })).toEqual(expected(() => "in"));
});

test("the log has roles, and neither tokens nor secrets", async () => {
  const token = await sign({ roles: ["clerk"] });
  const headers = { Authorization: `Bearer ${token}`, "X-Request-Id": "logged" };
  await api("GET", "/api/v1/tasks", { headers });
  const line = () => worker.logs().find((line) => line.includes('"request_id":"logged"'));
  await expect.poll(line).toContain('"role":"clerk"');
  const log = worker.logs().join("\n");
  for (const part of [AUTH_SECRET, ...token.split(".")]) expect(log).not.toContain(part);
});

describe("a server without authentication", () => {
  let closed: Client;

  beforeAll(async () => {
    closed = await createClient((await startWorker(database)).url);
  });

  test("refuses whatever needs a role", async () => {
    expect(await admissions(closed, {})).toEqual(expected(() => 401));
    const headers = { Authorization: `Bearer ${await sign()}` };
    expect(await admissions(closed, headers)).toEqual(expected(() => 401));
  });
});

describe("npm run token", () => {
  const run = async (...args: string[]) => {
    const env = { ...process.env, AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE };
    const ran = promisify(execFile)(process.execPath, ["dev/token.ts", ...args], { env });
    return ran.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        stdout,
        stderr,
      }),
    );
  };

  test.each([
    ["editor", 201],
    ["clerk", 403],
  ])("prints a token that makes its bearer %s", async (role, status) => {
    const { code, stdout, stderr } = await run("--role", role);
    expect([code, stderr]).toEqual([0, ""]);
    const headers = { Authorization: `Bearer ${stdout.trim()}` };
    expect((await api("POST", "/api/v1/books", { body: newBook(), headers })).status).toBe(status);
  });

  test.each([
    [["--role", "owner"]],
    [["--role", "editor", "--hours", "Infinity"]],
    [["--role", "editor", "--subject", ""]],
    [["--role", "editor", "--colour"]],
  ])("answers %j with a sentence", async (args) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^\S.*Usage: .+\n$/);
  });
});

describe.each<[string, Record<string, string | undefined>, string[]]>([
  ["a secret of 31 bytes", { AUTH_SECRET: AUTH_SECRET.slice(0, 31) }, ["AUTH_SECRET"]],
  [
    "no database and other faults",
    { DATABASE_URL: undefined, AUTH_SECRET: "hidden", REQUEST_TIMEOUT_MS: "hidden" },
    ["DATABASE_URL", "AUTH_SECRET", "REQUEST_TIMEOUT_MS"],
  ],
])("a server configured with %s", (_, bindings, names) => {
  let misconfigured: TestWorker;

  beforeAll(async () => {
    misconfigured = await startWorker(database, bindings);
  });

  test.each([
    ["GET", "/health"],
    ["GET", "/api/v1/books"],
    ["POST", "/api/v1/books"],
    ["GET", "/nothing"],
  ])("refuses %s %s", async (method, path) => {
    const headers = { "X-Request-Id": "mine" };
    const response = await fetch(misconfigured.url + path, { method, headers });
    expect([response.status, response.headers.get("X-Request-Id")]).toEqual([503, "mine"]);
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: "service_unavailable", request_id: "mine" });
    expect(text).not.toMatch(/AUTH|DATABASE|hidden/);
  });

  test("tells every fault to the log, and no value", async () => {
    await fetch(misconfigured.url);
    await expect
      .poll(() => misconfigured.logs().filter((line) => /configuration/.test(line)))
      .not.toEqual([]);
    const log = misconfigured.logs().join("\n");
    for (const name of names) expect(log).toContain(name);
    for (const value of ["hidden", AUTH_SECRET.slice(0, 31)]) expect(log).not.toContain(value);
  });
});

describe("an open server", () => {
  let open: TestWorker;

  beforeAll(async () => {
    open = await startWorker(database, { OPEN_LOCAL_WRITES: "true" });
  });

  test("lets everybody do everything", async () => {
    expect(await admissions(await createClient(open.url), {})).toEqual(expected(() => "in"));
  });

  test.each(["localhost", "localhost:1", "LOCALHOST", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8787"])(
    "answers to %s",
    async (Host) => {
      const headers = { Host, "X-Forwarded-Host": "evil.example" };
      expect((await rawRequest(open.url, { path: "/api/v1/tasks", headers })).status).toBe(200);
    },
  );

  test.each([
    "evil.example",
    "evil.example:8787",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil-localhost",
    "192.168.0.1",
    "0.0.0.0",
    "[::]",
    "128.0.0.1",
  ])("does not answer to %s", async (Host) => {
    const headers = { Host, "X-Forwarded-Host": "localhost", "X-Request-Id": "mine" };
    for (const [method, path] of [
      ["GET", "/health"],
      ["GET", "/api/v1/tasks"],
      ["DELETE", `/api/v1/books/${MISSING}`],
      ["OPTIONS", "/api/v1/books"],
      ["GET", "/nothing"],
    ] as const) {
      const { status, headers: answered, text } = await rawRequest(open.url, { method, path, headers });
      expect([method, path, status]).toEqual([method, path, 421]);
      expect(JSON.parse(text)).toMatchObject({ error: "misdirected_request", request_id: "mine" });
      expect(answered).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    }
  });
});

test("a server with authentication answers to every name", async () => {
  expect(
    (await rawRequest(worker.url, { path: "/api/v1/books", headers: { Host: "api.example" } })).status,
  ).toBe(200);
});
