/** The keys of an OpenID provider: when they are fetched, how long they are kept, and how a provider can fail. */
import { generateKeyPairSync } from "node:crypto";
import { exportJWK, type JWK, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { neonDriver } from "../../src/db/neon.ts";
import { ProviderKeys } from "../../src/http/auth/keys.ts";
import type { RequestEvent } from "../../src/http/observe.ts";
import type { Problem } from "../../src/http/problem.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { answering, createKey, type Provider, startProvider } from "../support/provider.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const MINUTE = 60_000;
const COOLDOWN = 10_000;

let provider: Provider;
let old: Awaited<ReturnType<typeof createKey>>;
let young: typeof old;

beforeAll(async () => {
  provider = await startProvider();
  [old, young] = await Promise.all([createKey("ES256", "old"), createKey("ES256", "young")]);
});

describe("the keys", () => {
  let keys: ProviderKeys;
  let warnings: unknown[];

  beforeEach(() => {
    // Only the clock is fake. Sockets and timers are real.
    vi.useFakeTimers({ toFake: ["Date"] });
    keys = new ProviderKeys({ issuer: "https://id.example", url: provider.url });
    warnings = [];
    provider.publish(old.jwk);
    provider.requests = 0;
  });
  afterEach(() => void vi.useRealTimers());

  const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);
  const find = (kid: string, milliseconds = 5_000, alg = "ES256") =>
    keys.find(
      { alg, kid },
      {
        deadline: () => AbortSignal.timeout(milliseconds),
        warn: (fault) => void warnings.push(fault),
      },
    );
  /** The outcome of looking up a key: found, unknown to the provider, or unavailable. */
  const outcome = (kid: string, milliseconds?: number, alg?: string) =>
    find(kid, milliseconds, alg).then(
      () => "found",
      (error: Problem) => error.code,
    );
  const UNKNOWN = "ERR_JWKS_NO_MATCHING_KEY";
  const UNAVAILABLE = "service_unavailable";

  test("keys are fetched when first needed, once for simultaneous requests", async () => {
    expect(provider.requests).toBe(0);
    expect(await Promise.all(Array.from({ length: 50 }, () => outcome("old")))).toEqual(
      Array.from({ length: 50 }, () => "found"),
    );
    pass(9 * MINUTE);
    expect(await outcome("old")).toBe("found");
    expect(provider.requests).toBe(1);
  });

  test("new keys are found without a restart", async () => {
    await find("old");
    provider.publish(old.jwk, young.jwk);
    pass(COOLDOWN);
    expect(await outcome("young")).toBe("found");
    expect([await outcome("old"), provider.requests]).toEqual(["found", 2]);
  });

  test("withdrawn keys are accepted for ten minutes at most", async () => {
    await find("old");
    provider.publish(young.jwk);
    pass(10 * MINUTE - 1);
    expect(await outcome("old")).toBe("found");
    pass(1);
    expect(await outcome("old")).toBe(UNKNOWN);
    expect([await outcome("young"), provider.requests]).toEqual(["found", 2]);
  });

  test("keys are fetched at most once in ten seconds, whatever key ids tokens name", async () => {
    await find("old");
    const burst = (name: string) =>
      Promise.all(Array.from({ length: 50 }, (_, at) => outcome(`${name}${at}`)));
    expect(new Set(await burst("a"))).toEqual(new Set([UNKNOWN]));
    expect(provider.requests).toBe(1);
    pass(COOLDOWN);
    expect(new Set(await burst("b"))).toEqual(new Set([UNKNOWN]));
    expect(provider.requests).toBe(2);
  });

  test("keys remain valid during an outage of less than an hour", async () => {
    await find("old");
    provider.answer = answering(500);
    pass(10 * MINUTE);
    expect(await Promise.all([outcome("old"), outcome("old"), outcome("old")])).toEqual([
      "found",
      "found",
      "found",
    ]);
    expect([provider.requests, warnings.length]).toEqual([2, 1]);
    // Nobody knows whether the provider has this one.
    expect(await outcome("young")).toBe(UNAVAILABLE);
    pass(50 * MINUTE - 1);
    expect(await outcome("old")).toBe("found");
    expect([provider.requests, warnings.length]).toEqual([3, 2]);
  });

  test("keys expire during a longer outage, and are fetched after it", async () => {
    await find("old");
    provider.answer = answering(500);
    pass(60 * MINUTE);
    const problem: Problem = await find("old").then(
      () => expect.fail("found"),
      (error) => error,
    );
    expect(problem).toMatchObject({ code: UNAVAILABLE, headers: { "Retry-After": "10" } });
    expect(problem.cause).toMatchObject({
      message: "The identity provider responded with 500 for its key set.",
    });
    provider.publish(young.jwk);
    expect(await outcome("young")).toBe(UNAVAILABLE);
    expect(provider.requests).toBe(2);
    pass(COOLDOWN);
    expect(await outcome("young")).toBe("found");
  });

  test("keys are used while a slow provider renews them", async () => {
    await find("old");
    const waiting: (() => void)[] = [];
    provider.answer = (response) =>
      void waiting.push(() => answering(200, JSON.stringify({ keys: [young.jwk] }))(response));
    pass(10 * MINUTE);
    const renewing = outcome("old");
    await expect.poll(() => waiting.length).toBe(1);
    expect(await outcome("old")).toBe("found");
    waiting[0]?.();
    expect(await renewing).toBe(UNKNOWN);
    expect(await outcome("young")).toBe("found");
  });

  test("a request waits for keys no longer than its deadline", async () => {
    provider.answer = () => {};
    expect(await Promise.all([outcome("old", 100), outcome("old", 100)])).toEqual([UNAVAILABLE, UNAVAILABLE]);
    expect(provider.requests).toBe(1);
  });

  test("keys that another request fails to fetch are unavailable, not unknown", async () => {
    await find("old");
    pass(COOLDOWN);
    provider.answer = () => {};
    const renewing = outcome("young", 500);
    await expect.poll(() => provider.requests).toBe(2);
    expect([await outcome("young", 50), await renewing]).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });

  test("the next request fetches the keys if the fetching request is cancelled", async () => {
    const { answer } = provider;
    provider.answer = () => {
      provider.answer = answer;
    };
    const cutOff = outcome("old");
    await expect.poll(() => provider.requests).toBe(1);
    pass(4_000);
    expect([await outcome("old"), provider.requests]).toEqual(["found", 2]);
    expect(await cutOff).toBe("found");
  });

  test("a request waits for keys for three seconds at most", async () => {
    provider.answer = () => {};
    expect(await outcome("old", 20_000)).toBe(UNAVAILABLE);
  });

  test.each<[string, () => Provider["answer"]]>([
    ["an error", () => answering(503, JSON.stringify({ keys: [old.jwk] }))],
    ["a redirection", () => answering(302, "", { Location: `${provider.url}/other` })],
    ["nothing", () => answering(200)],
    ["HTML", () => answering(200, "<!doctype html><p>Sign in</p>", { "Content-Type": "text/html" })],
    ["a list", () => answering(200, JSON.stringify([old.jwk]))],
    ["null", () => answering(200, "null")],
    ["no list of keys", () => answering(200, "{}")],
    ["keys by name", () => answering(200, JSON.stringify({ keys: { old: old.jwk } }))],
    ["keys that are none", () => answering(200, JSON.stringify({ keys: [old.jwk, 5] }))],
    ["JSON that breaks off", () => answering(200, JSON.stringify({ keys: [old.jwk] }).slice(0, -1))],
    ["too much", () => answering(200, JSON.stringify({ keys: [old.jwk], filler: " ".repeat(256 * 1024) }))],
    [
      "more and more",
      () => (response) => {
        const write = () => {
          while (response.write(" ".repeat(65_536)));
        };
        response.writeHead(200).on("drain", write);
        write();
      },
    ],
    [
      "a connection that breaks",
      () => (response) => void response.writeHead(200).write("{", () => response.destroy()),
    ],
  ])("keys are unavailable from a provider with %s", async (_, answer) => {
    provider.answer = answer();
    expect(await outcome("old")).toBe(UNAVAILABLE);
    expect([provider.requests, warnings.length]).toEqual([1, 1]);
  });

  test("faulty keys do not affect the others", async () => {
    const weak = await exportJWK(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey);
    const { x: _, ...halved } = old.jwk as JWK;
    provider.publish(
      old.jwk,
      { ...(await exportJWK(old.privateKey)), kid: "private" },
      { ...halved, kid: "halved" },
      { ...weak, kid: "weak" },
      { ...young.jwk, kid: "encrypts", use: "enc" },
      { ...young.jwk, kid: "elsewhere", crv: "P-384" },
      { ...young.jwk, kid: "twice" },
      { ...old.jwk, kid: "twice" },
      { kty: "oct", k: "c2VjcmV0", kid: "secret" },
      { kty: "XYZ", kid: "novel" },
    );
    expect(await outcome("old")).toBe("found");
    for (const kid of ["private", "halved"]) expect([kid, await outcome(kid)]).toEqual([kid, UNAVAILABLE]);
    expect(await outcome("weak", undefined, "RS256")).toBe(UNAVAILABLE);
    for (const kid of ["encrypts", "elsewhere", "secret", "novel"]) {
      expect([kid, await outcome(kid)]).toEqual([kid, UNKNOWN]);
    }
    expect(await outcome("twice")).toBe("ERR_JWKS_MULTIPLE_MATCHING_KEYS");
  });
});

describe("a server", () => {
  const AUTH_ISSUER = "https://id.example";
  let database: TestDatabase;
  let worker: TestWorker;
  let api: Client;
  let headers: Record<string, string>;

  beforeAll(async () => {
    database = await createTestDatabase();
    const token = new SignJWT({ roles: ["clerk"] })
      .setProtectedHeader({ alg: "ES256", kid: "old" })
      .setSubject("tester")
      .setIssuer(AUTH_ISSUER)
      .setExpirationTime("1h");
    headers = { Authorization: `Bearer ${await token.sign(old.privateKey)}` };
  });

  // Each test has a Worker of its own, which has no keys yet.
  beforeEach(async () => {
    const bindings = { AUTH_JWKS_URL: provider.url, AUTH_ISSUER, REQUEST_TIMEOUT_MS: "4000" };
    worker = await startWorker(database, bindings);
    api = await createClient(worker.url);
    provider.publish(old.jwk);
    provider.requests = 0;
  });

  const send = () => api("GET", "/api/v1/tasks", { headers });
  const statuses = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, send));
    return new Set(answers.map(({ status, json }) => json.error ?? status));
  };

  test("a server fetches keys from a slow provider once for its first requests", async () => {
    const { answer } = provider;
    provider.answer = (response) => void setTimeout(() => answer(response), 500);
    expect(await statuses(40)).toEqual(new Set([200]));
    expect(await statuses(40)).toEqual(new Set([200]));
    expect(provider.requests).toBe(1);
  });

  test.each<[string, Provider["answer"]]>([
    ["before its answer", () => {}],
    ["in the middle of it", (response) => void response.writeHead(200).write('{"keys":[')],
    ["in the middle of an error", (response) => void response.writeHead(500).write("<p>")],
  ])("a server does not wait for a provider that hangs %s", async (_, answer) => {
    provider.answer = answer;
    expect(await statuses(20)).toEqual(new Set(["service_unavailable"]));
    expect(provider.requests).toBe(1);
    expect((await api("GET", "/api/v1/books", { headers })).status).toBe(200);
  });

  test("a server responds to other clients if the client whose request fetches keys disconnects", async () => {
    const { answer } = provider;
    provider.answer = (response) => void setTimeout(() => answer(response), 500);
    const leaving = new AbortController();
    const left = fetch(`${worker.url}/api/v1/tasks`, { headers, signal: leaving.signal }).catch(() => {});
    await expect.poll(() => provider.requests).toBe(1);
    const others = statuses(5);
    leaving.abort();
    await left;
    expect(await others).toEqual(new Set([200]));
  });

  test("a server logs a provider's invalid response, and does not show it to the client", async () => {
    provider.answer = answering(200, "<p>MARK</p>");
    const { status, text, headers: answered, json } = await send();
    expect([status, json.error, answered.get("Retry-After")]).toEqual([503, "service_unavailable", "10"]);
    expect(text).not.toMatch(/MARK|JSON|127\.0\.0\.1/);
    const logged = () => worker.logs().filter((line) => line.includes(json.request_id));
    await expect.poll(logged).toHaveLength(1);
    expect(JSON.parse(logged()[0] ?? "")).toMatchObject({
      level: "error",
      problem: "service_unavailable",
      error: { name: "ProviderFault", message: "The identity provider's key set is not a JSON object." },
    });
  });

  test("a server logs a provider's outage while it uses the keys it has", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const environment = { DATABASE_URL: database.url, AUTH_JWKS_URL: provider.url, AUTH_ISSUER };
      const driver = neonDriver({ url: database.url, fetchEndpoint: inject("neon") });
      const events: RequestEvent[] = [];
      const log = (event: RequestEvent) => void events.push(event);
      const app = createApp({
        config: await parseConfig(environment),
        connect: connectOver(direct(driver)),
        log,
        readAsset: async () => new Uint8Array(),
      });
      const request = () => app.request("http://127.0.0.1/api/v1/tasks", { headers });
      expect((await request()).status).toBe(200);
      provider.answer = answering(500);
      vi.setSystemTime(Date.now() + 10 * MINUTE);
      expect((await request()).status).toBe(200);
      expect(events).toMatchObject([
        { level: "info", error: undefined },
        { level: "warn", error: { message: "The identity provider responded with 500 for its key set." } },
      ]);
    } finally {
      vi.useRealTimers();
    }
  });
});
