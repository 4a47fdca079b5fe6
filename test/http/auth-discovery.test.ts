/** OpenID discovery: how it can fail, what the operator learns, and what a client sees. */
import { once } from "node:events";
import { createServer } from "node:net";
import { decodeJwt, exportJWK, importJWK, type JWK } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkProvider } from "../../src/http/auth/check.ts";
import type { KeySource } from "../../src/http/auth/provider.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import {
  answering,
  createKey,
  discovery,
  type Key,
  type Provider,
  signWith,
  startProvider,
} from "../support/provider.ts";
import { launchServer, RUNTIMES, startServer } from "../support/servers.ts";

const AUTH_AUDIENCE = "octavo";

let database: TestDatabase;
let provider: Provider;
/** A provider to which the first one must not lead. */
let stranger: Provider;
let key: Key;
let token: string;

beforeAll(async () => {
  [database, provider, stranger, key] = await Promise.all([
    createTestDatabase(),
    startProvider(),
    startProvider(),
    createKey("ES256", "own"),
  ]);
  stranger.publish(key.jwk);
  token = await signWith(key, {
    ...{ sub: "tester", iss: provider.issuer, aud: AUTH_AUDIENCE },
    ...{ exp: Math.floor(Date.now() / 1000) + 3600, roles: ["admin"] },
  });
});

beforeEach(() => {
  provider.publish(key.jwk);
  provider.answerDiscovery = document({});
  provider.requests = 0;
  stranger.requests = 0;
});

/** Answers with a discovery document that has some members replaced. */
const document = (changes: object) =>
  ((response) =>
    answering(
      200,
      JSON.stringify({ ...discovery(provider.issuer, provider.url), ...changes }),
    )(response)) satisfies Provider["answerDiscovery"];

const variables = () => ({ AUTH_ISSUER: provider.issuer, AUTH_AUDIENCE });

/** Every way in which discovery fails, and what the operator reads. */
const FAULTS: [string, () => Provider["answerDiscovery"], RegExp][] = [
  ["HTML", () => answering(200, "<!doctype html><p>hidden</p>"), /discovery document is not a JSON object\./],
  ["a list", () => answering(200, "[]"), /discovery document names no issuer\./],
  ["null", () => answering(200, "null"), /discovery document is not a JSON object\./],
  ["nothing", () => answering(200), /discovery document is not a JSON object\./],
  ["an error", () => answering(404, "hidden"), /responded with 404 for its discovery document\./],
  [
    "too much",
    () => document({ filler: " ".repeat(256 * 1024) }),
    /discovery document exceeds 262144 bytes\./,
  ],
  ["no end", () => endless, /discovery document exceeds 262144 bytes\./],
  ["no answer", () => () => {}, /cannot be reached \(no answer in time\)\./],
  ["half an answer", () => (response) => void response.writeHead(200).write("{"), /cannot be reached/],
  ["a broken connection", () => (response) => void response.destroy(), /cannot be reached/],
  [
    "a redirect to another host",
    () => answering(302, "", { Location: `${stranger.issuer}/.well-known/openid-configuration` }),
    /responded with 302 for its discovery document\. Redirects are not followed\./,
  ],
  [
    "another issuer",
    () => document({ issuer: "https://other.example" }),
    /calls itself "https:\/\/other\.example", but AUTH_ISSUER differs\. They must be equal\./,
  ],
  [
    "a slash at the end of the issuer",
    () => document({ issuer: `${provider.issuer}/` }),
    /calls itself "http:.+\/", but AUTH_ISSUER differs by the slash at its end\./,
  ],
  ["no issuer", () => document({ issuer: undefined }), /discovery document names no issuer\./],
  ["no keys", () => document({ jwks_uri: undefined }), /has no jwks_uri that begins with https:\/\/\./],
  ["keys in a file", () => document({ jwks_uri: "file:///etc/passwd" }), /has no jwks_uri/],
  ["keys over HTTP", () => document({ jwks_uri: "http://other.example/keys" }), /has no jwks_uri/],
  ["keys behind a password", () => document({ jwks_uri: "https://a:b@other.example" }), /has no jwks_uri/],
];

const endless: Provider["answerDiscovery"] = (response) => {
  const write = () => {
    while (response.write(" ".repeat(65_536)));
  };
  response.writeHead(200).on("drain", write);
  write();
};

/** What a provider can publish instead of good keys. */
const KEYS: [string, () => Promise<JWK[]> | JWK[], RegExp][] = [
  ["no keys", () => [], /has no key with an allowed algorithm\./],
  ["keys for encryption", () => [{ ...key.jwk, use: "enc" }], /has no key with an allowed algorithm\./],
  ["keys that do not verify", () => [{ ...key.jwk, key_ops: ["sign"] }], /has no key with an allowed/],
  ["keys of a secret", () => [{ kty: "oct", k: "c2VjcmV0", alg: "HS256" }], /its keys are for HS256\./],
  ["keys of an unknown algorithm", () => [{ ...key.jwk, alg: "ES256K" }], /its keys are for ES256K\./],
];

describe("the check of a server that starts", () => {
  const check = (source: Partial<KeySource> = {}) =>
    checkProvider({ mode: "jwks", issuer: provider.issuer, audience: AUTH_AUDIENCE, ...source });

  test("nothing is told about a good provider", async () => {
    expect(await check()).toEqual([]);
    expect(await check({ url: provider.url })).toEqual([]);
    expect(await checkProvider({ mode: "closed" })).toEqual([]);
  });

  test.each(FAULTS)("a sentence tells of a provider with %s", async (_, answer, sentence) => {
    provider.answerDiscovery = answer();
    const [told, ...more] = await check();
    expect(more).toEqual([]);
    expect(told).toMatch(sentence);
    expect(told).toMatch(
      /^The identity provider\b.+ Until that changes, requests with a token are answered with 503\.$/,
    );
    expect(told).not.toContain("hidden");
    expect(stranger.requests).toBe(0);
  });

  test.each(KEYS)("a sentence tells of a provider with %s", async (_, keys, sentence) => {
    provider.publish(...(await keys()));
    expect(await check()).toEqual([expect.stringMatching(sentence)]);
  });

  test("a sentence tells of keys that AUTH_ALGORITHMS does not allow", async () => {
    const { jwk } = await createKey("PS384", "rsa");
    provider.publish(key.jwk, { ...jwk, alg: "PS384" });
    expect(await check({ algorithms: ["ES256"] })).toEqual([
      "The identity provider also has keys for PS384, which is not allowed. Tokens that they sign are rejected.",
    ]);
    expect(await check({ algorithms: ["RS256"] })).toEqual([
      "The identity provider has no key with an allowed algorithm: its keys are for ES256, PS384.",
    ]);
  });

  test("a sentence tells that AUTH_JWKS_URL points to a discovery document", async () => {
    const url = `${provider.issuer}/.well-known/openid-configuration`;
    expect(await check({ url })).toEqual([
      expect.stringMatching(
        /^AUTH_JWKS_URL points to a discovery document instead of a key set\. Unset it: /,
      ),
    ]);
  });

  test("a sentence tells that nobody listens", async () => {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as { port: number };
    server.close();
    expect(await check({ issuer: `http://127.0.0.1:${port}` })).toEqual([
      expect.stringMatching(/^The identity provider cannot be reached \(ECONNREFUSED\)\./),
    ]);
  });
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  const start = async (changes: Record<string, string> = {}) => {
    const server = await startServer(runtime, database, { ...variables(), ...changes });
    return { logs: server.logs, url: `${server.url}/api/v1/tasks` };
  };
  const send = async (url: string, sent = token) => {
    const response = await fetch(url, { headers: { Authorization: `Bearer ${sent}` } });
    return { status: response.status, text: await response.text() };
  };
  const loggedErrors = (logs: string[]) =>
    logs.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line).error?.message);

  test("discovery finds the keys once for many requests", async () => {
    const { url } = await start();
    const before = provider.requests;
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(url)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(provider.requests - before).toBeLessThanOrEqual(runtime === "workerd" ? 2 : 4);
    if (runtime === "workerd") expect(before).toBe(0);
  });

  test.each<[string, () => Provider["answerDiscovery"], RegExp]>([
    ["that is HTML", () => answering(200, "<p>hidden</p>"), /is not a JSON object/],
    ["that never ends", () => endless, /exceeds 262144 bytes/],
    ["of another issuer", () => document({ issuer: `${provider.issuer}/` }), /differs by the slash/],
    ["elsewhere", () => answering(307, "", { Location: stranger.url }), /Redirects are not followed/],
  ])(
    "a discovery document %s is 503 for the client, and a sentence in the log",
    async (_, answer, sentence) => {
      provider.answerDiscovery = answer();
      const { url, logs } = await start();
      const { status, text } = await send(url);
      expect([status, JSON.parse(text).error]).toEqual([503, "service_unavailable"]);
      expect(text).not.toMatch(/127\.0\.0\.1|hidden/);
      await expect.poll(() => loggedErrors(logs())).toEqual([expect.stringMatching(sentence)]);
      expect(stranger.requests).toBe(0);
    },
  );

  test("a discovery document in the place of the keys is 503, and a sentence in the log", async () => {
    const AUTH_JWKS_URL = `${provider.issuer}/.well-known/openid-configuration`;
    const { url, logs } = await start({ AUTH_JWKS_URL });
    expect((await send(url)).status).toBe(503);
    await expect
      .poll(() => loggedErrors(logs()))
      .toEqual([expect.stringMatching(/^AUTH_JWKS_URL points to a discovery document/)]);
  });

  test("keys that are not allowed are 401, and a sentence in the log", async () => {
    const { url, logs } = await start({ AUTH_ALGORITHMS: "RS256 PS256" });
    const { status, text } = await send(url);
    expect([status, JSON.parse(text).message]).toEqual([
      401,
      "The token's algorithm (alg) is not one that this server accepts: RS256, PS256.",
    ]);
    const rsa = await createKey("RS256", "rsa");
    await send(url, await signWith(rsa, { sub: "tester" }));
    await expect
      .poll(() => loggedErrors(logs()))
      .toContainEqual(expect.stringMatching(/keys are for ES256\./));
  });
});

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

test.each<[string, Record<string, string>, unknown, string[]]>([
  ["RS256 without any hint", {}, undefined, ["RS256"]],
  ["RS256 if the document names no RSA algorithm", {}, ["ES256", 5, null, "RSA", "none", "HS256"], ["RS256"]],
  ["what the document names", {}, ["PS256", {}, "RS384"], ["PS256", "RS384"]],
  ["what AUTH_ALGORITHMS names", { AUTH_ALGORITHMS: "PS512" }, ["PS256"], ["PS512"]],
])("an RSA key without alg verifies %s", async (_, changes, supported, verified) => {
  provider.answerDiscovery = document({ id_token_signing_alg_values_supported: supported });
  const rsa = await createKey("RS256", "rsa");
  provider.publish(rsa.jwk);
  const { url } = await startServer("workerd", database, { ...variables(), ...changes });
  const outcomes = RSA.map(async (alg) => {
    const signer = {
      ...rsa,
      alg,
      privateKey: (await importJWK(await exportJWK(rsa.privateKey), alg)) as CryptoKey,
    };
    const sent = await signWith(signer, decodeJwt(token));
    const { status } = await fetch(`${url}/api/v1/tasks`, { headers: { Authorization: `Bearer ${sent}` } });
    return [alg, status];
  });
  expect(await Promise.all(outcomes)).toEqual(RSA.map((alg) => [alg, verified.includes(alg) ? 200 : 401]));
});

describe.each(["node", "bun"] as const)("the start of a server on %s", (runtime) => {
  const noticesWith = async (changes: Record<string, string>) => {
    const server = launchServer(runtime, { DATABASE_URL: database.url, ...variables(), ...changes });
    return { url: await server.url, notices: server.notices };
  };

  test.each<[string, Provider["answerDiscovery"], RegExp]>([
    ["is wrong", answering(200, "<p>hidden</p>"), /^The identity provider's discovery document is not a/m],
    ["does not answer", () => {}, /^The identity provider cannot be reached \(no answer in time\)\./m],
    ["hangs up", (response) => void response.destroy(), /^The identity provider cannot be reached/m],
  ])("a server starts, and says that its provider %s", async (_, answer, sentence) => {
    provider.answerDiscovery = answer;
    const { url, notices } = await noticesWith({});
    await expect.poll(notices, { timeout: 10_000 }).toMatch(sentence);
    expect((await fetch(`${url}/api/v1/books`)).status).toBe(200);
  });

  test("a server says that every audience is accepted", async () => {
    const { notices } = await noticesWith({ AUTH_AUDIENCE: "any" });
    await expect.poll(notices).toMatch(/^AUTH_AUDIENCE is any, so tokens that the issuer made for other/m);
  });

  test("a server says nothing of a good provider", async () => {
    const { notices } = await noticesWith({});
    // A server of another test may still be asking, too.
    await expect.poll(() => provider.requests).toBeGreaterThanOrEqual(2);
    expect(notices()).not.toMatch(/identity provider|AUTH/);
  });
});
