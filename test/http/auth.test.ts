/** Authentication: expiry, faulty configurations, and a server that is open to its own machine. */
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { expectSafe } from "../support/checker.ts";
import { createClient, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const AUTH_SECRET = "correct horse battery staple 123";
const AUTH_ISSUER = "https://id.example";
const AUTH_AUDIENCE = "octavo";
const MISSING = "00000000-0000-7000-8000-000000000000";

let database: TestDatabase;
let worker: TestWorker;

beforeAll(async () => {
  database = await createTestDatabase();
  worker = await startWorker(database, { AUTH_SECRET, AUTH_ISSUER, AUTH_AUDIENCE });
});

test("an accepted token is refused after it expires", async () => {
  const api = await createClient(worker.url);
  const seconds = Math.floor(Date.now() / 1000);
  const token = await new SignJWT({ roles: ["admin"] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("tester")
    .setIssuer(AUTH_ISSUER)
    .setAudience(AUTH_AUDIENCE)
    // The clock tolerance is five seconds.
    .setExpirationTime(seconds - 3)
    .sign(new TextEncoder().encode(AUTH_SECRET));
  const send = async () =>
    (await api("DELETE", `/api/v1/books/${MISSING}`, { headers: { Authorization: `Bearer ${token}` } }))
      .status;
  expect([await send(), await send()]).toEqual([404, 404]);
  await expect.poll(send, { timeout: 5000 }).toBe(401);
  expect(Date.now() / 1000 - seconds).toBeGreaterThan(1.5);
});

describe.each<[string, Record<string, string | undefined>, string[]]>([
  ["a secret of 31 bytes", { AUTH_SECRET: AUTH_SECRET.slice(0, 31) }, ["AUTH_SECRET"]],
  [
    "an identity provider's keys but no issuer",
    { AUTH_JWKS_URL: "https://hidden.example/keys" },
    ["AUTH_JWKS_URL", "AUTH_ISSUER"],
  ],
  [
    "several faults",
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
  ])("a misconfigured Worker refuses %s %s", async (method, path) => {
    const headers = { "X-Request-Id": "mine" };
    const response = await fetch(misconfigured.url + path, { method, headers });
    expect([response.status, response.headers.get("X-Request-Id")]).toEqual([503, "mine"]);
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expectSafe(response.headers);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: "service_unavailable", request_id: "mine" });
    expect(text).not.toMatch(/AUTH|DATABASE|hidden/);
  });

  test("a misconfigured Worker logs every fault, and no value", async () => {
    await fetch(misconfigured.url);
    await expect
      .poll(() => misconfigured.logs().filter((line) => /configuration/.test(line)))
      .not.toEqual([]);
    const log = misconfigured.logs().join("\n");
    for (const name of names) expect(log).toContain(name);
    for (const value of ["hidden", AUTH_SECRET.slice(0, 31)]) expect(log).not.toContain(value);
  });
});

test("a Worker logs once that nobody can write, and that a variable is misspelled", async () => {
  const closed = await startWorker(database, { CORSORIGINS: "hidden" });
  for (const path of ["/nothing", "/nothing", "/"]) await fetch(closed.url + path);
  await expect.poll(() => closed.logs().filter((line) => line.startsWith("{"))).toHaveLength(3);
  const warnings = closed.logs().filter((line) => !line.startsWith("{"));
  expect(warnings).toEqual([
    "CORSORIGINS is not a variable of Octavo: did you mean CORS_ORIGINS?",
    expect.stringMatching(/, so every request that needs a role is rejected\.$/),
  ]);
});

describe("an open server", () => {
  let open: TestWorker;

  beforeAll(async () => {
    open = await startWorker(database, { OPEN_LOCAL_WRITES: "true" });
  });

  test.each(["localhost", "localhost:1", "LOCALHOST", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8787"])(
    "an open server accepts the Host %s",
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
  ])("an open server rejects the Host %s", async (Host) => {
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
      expectSafe(answered);
    }
  });
});

test("a server with authentication accepts every Host", async () => {
  expect(
    (await rawRequest(worker.url, { path: "/api/v1/books", headers: { Host: "api.example" } })).status,
  ).toBe(200);
});
