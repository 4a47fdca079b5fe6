/** Access control: every route with every role, and every kind of token, for each way to verify them. */
import { EncryptJWT, exportJWK, exportSPKI, importJWK, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { neonDriver } from "../../src/db/neon.ts";
import type { PageRoute } from "../../src/http/page.ts";
import * as pages from "../../src/pages/contract.ts";
import * as staffBooks from "../../src/staff/books-contract.ts";
import * as staff from "../../src/staff/contract.ts";
import * as staffMovements from "../../src/staff/movements-contract.ts";
import * as staffStock from "../../src/staff/stock-contract.ts";
import * as staffTasks from "../../src/staff/tasks-contract.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createKey, type Provider, startProvider } from "../support/provider.ts";
import { startWorker } from "../support/worker.ts";

const AUTH_SECRET = "correct horse battery staple 123";
const AUTH_ISSUER = "https://id.example";
const AUTH_AUDIENCE = "octavo";
const ROLES = ["clerk", "editor", "admin"];
const MISSING = "00000000-0000-7000-8000-000000000000";

/** A server with a secret accepts HS256, and a server with a provider's keys the others. */
const PROVIDERS = ["RS256", "ES256", "EdDSA"] as const;
const ALGORITHMS = ["HS256", ...PROVIDERS] as const;
type Algorithm = (typeof ALGORITHMS)[number];
type Keys = Record<(typeof PROVIDERS)[number], Awaited<ReturnType<typeof createKey>>>;

interface Operation {
  /** For example, `GET /api/v1/books/{id}`. */
  name: string;
  method: string;
  path: string;
  /** The required role by the OpenAPI document; undefined if the operation is public. */
  role: string | undefined;
  body?: object;
}

let database: TestDatabase;
let provider: Provider;
/** Another provider, which the API does not trust. */
let stranger: Provider;
let operations: Operation[];
/** One operation for each role, and a public one: an operation admits roles, whatever token they come from. */
let samples: Operation[];
let clients: Record<"closed" | "open" | Algorithm, Client>;
let keys: Keys;
let strangers: Keys;

beforeAll(async () => {
  [database, provider, stranger] = await Promise.all([
    createTestDatabase(),
    startProvider(),
    startProvider(),
  ]);
  [keys, strangers] = await Promise.all([createKeys(), createKeys()]);
  provider.publish(...Object.values(keys).map(({ jwk }) => jwk));
  stranger.publish(...Object.values(strangers).map(({ jwk }) => jwk));
  const claimed = { AUTH_ISSUER, AUTH_AUDIENCE };
  const [secret, jwks, closed, open] = (await Promise.all(
    [
      { AUTH_SECRET, ...claimed },
      { AUTH_JWKS_URL: provider.url, ...claimed },
      {},
      { OPEN_LOCAL_WRITES: "true" },
    ].map(async (bindings) => createClient((await startWorker(database, bindings)).url)),
  )) as [Client, Client, Client, Client];
  clients = { HS256: secret, RS256: jwks, ES256: jwks, EdDSA: jwks, closed, open };
  operations = operationsOf((await closed("GET", "/openapi.json")).json);
  const isFirst = ({ role }: Operation, at: number) =>
    operations.findIndex((other) => other.role === role) === at;
  samples = operations.filter(isFirst);
});

async function createKeys(): Promise<Keys> {
  const [RS256, ES256, EdDSA] = await Promise.all([
    createKey("RS256", "rsa"),
    createKey("ES256", "ec"),
    createKey("EdDSA", "ed"),
  ]);
  return { RS256, ES256, EdDSA };
}

// biome-ignore lint/suspicious/noExplicitAny: the test does not depend on the document's type
function operationsOf(document: any): Operation[] {
  return Object.entries<object>(document.paths).flatMap(([template, methods]) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    Object.entries<any>(methods).map(([method, { security, requestBody }]) => ({
      name: `${method.toUpperCase()} ${template}`,
      method: method.toUpperCase(),
      path: template
        .replace("{isbn}", "9780306406157")
        .replace("{code}", "forbidden")
        .replace("{file}", "start.js")
        .replaceAll(/\{\w+\}/g, MISSING),
      role: security[0]?.token[0],
      ...(requestBody && { body: {} }),
    })),
  );
}

/** Whether each operation admits a request with these headers, by its name. */
async function admissions(client: Client, headers: Record<string, string>, among = samples) {
  const outcomes = among.map(async ({ name, method, path, body }) => {
    const { status, headers: answered, json } = await client(method, path, { body, headers });
    if (status !== 401 && status !== 403) return [name, status < 500 ? "in" : status] as const;
    expect(answered.get("WWW-Authenticate")).toMatch(/^Bearer /);
    expect(json.error).toBe(status === 401 ? "unauthorized" : "forbidden");
    return [name, status] as const;
  });
  return Object.fromEntries(await Promise.all(outcomes));
}

/** The expected {@link admissions} if an operation that needs `role` has the outcome `outcome(role)`. */
const expected = (outcome: (role: string) => number | "in", among = samples) =>
  Object.fromEntries(among.map(({ name, role }) => [name, role ? outcome(role) : "in"]));

const now = () => Math.floor(Date.now() / 1000);
const bytes = (text: string) => new TextEncoder().encode(text);
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The claims of a valid token with changes; undefined claims are left out. */
function claims(changes: Record<string, unknown> = {}): JWTPayload {
  const good = { sub: "tester", iss: AUTH_ISSUER, aud: AUTH_AUDIENCE, exp: now() + 600, roles: ["admin"] };
  return { ...good, ...changes };
}

/** A token that is valid apart from the changes. */
function sign(
  alg: Algorithm,
  changes?: Record<string, unknown>,
  { key, ...header }: { key?: CryptoKey | Uint8Array; [parameter: string]: unknown } = {},
): Promise<string> {
  const own =
    alg === "HS256" ? { key: bytes(AUTH_SECRET) } : { kid: keys[alg].kid, key: keys[alg].privateKey };
  return new SignJWT(claims(changes))
    .setProtectedHeader({ alg, ...("kid" in own && { kid: own.kid }), ...header })
    .sign(key ?? own.key, { crit: { novel: true } });
}

/** A valid token with some parts replaced. */
async function tampered(
  alg: Algorithm,
  change: (parts: { header: string; payload: string; signature: string }) => object,
): Promise<string> {
  const [header = "", payload = "", signature = ""] = (await sign(alg)).split(".");
  return Object.values({ header, payload, signature, ...change({ header, payload, signature }) }).join(".");
}

const strangersKey = async (alg: Algorithm) =>
  alg === "HS256" ? bytes(AUTH_SECRET.toUpperCase()) : strangers[alg].privateKey;

const inDocument = (path: string) => path.replaceAll(/:(\w+)/g, "{$1}");

test("the OpenAPI document, and so the matrix, has every route but pages", async () => {
  const app = createApp({
    config: await parseConfig({
      DATABASE_URL: database.url,
      AUTH_ISSUER: "https://id.example",
      AUTH_AUDIENCE: "octavo",
      AUTH_CLIENT_ID: "counter",
    }),
    connect: connectOver(direct(neonDriver({ url: database.url, fetchEndpoint: inject("neon") }))),
    log: () => {},
    readAsset: async () => new Uint8Array(),
  });
  const names: string[] = [];
  for (const path of new Set(app.routes.map(({ path }) => path))) {
    const { headers } = await app.request(`http://127.0.0.1${path}`, { method: "OPTIONS" }, {});
    const methods = (headers.get("Allow") ?? "").match(/\b(?!HEAD|OPTIONS)\w+/g) ?? [];
    for (const method of methods) names.push(`${method} ${inDocument(path)}`);
  }
  const contracts: object[] = [pages, staff, staffBooks, staffMovements, staffStock, staffTasks];
  const shown = contracts
    .flatMap((contract) => Object.values(contract))
    .filter((page: unknown): page is PageRoute => typeof page === "object" && page !== null && "path" in page)
    .map(({ method = "GET", path }) => `${method} ${inDocument(path)}`);
  expect(names.sort()).toEqual([...operations.map(({ name }) => name), ...shown].sort());
});

test("writes need an editor, stock, tasks and exports need a clerk, and everything else is public", () => {
  for (const { name, method, path, role } of operations) {
    const required = /^\/api\/v1\/tasks|\/(stock|export)\b/.test(path)
      ? "clerk"
      : method === "GET"
        ? undefined
        : "editor";
    expect([name, role]).toEqual([name, required]);
  }
});

describe.each(ALGORITHMS)("tokens signed with %s", (alg) => {
  const admitted = async (authorization: string, among = samples) =>
    admissions(clients[alg], { Authorization: authorization }, among);

  test("a request without a token has no principal on any route", async () => {
    expect(await admissions(clients[alg], {}, operations)).toEqual(expected(() => 401, operations));
  });

  test.each<[string, () => Promise<string> | string]>([
    ["an empty header", () => ""],
    ["only the scheme", () => "Bearer"],
    ["garbage", () => "Bearer garbage"],
    ["garbage in three parts", () => "Bearer a.b.c"],
    ["another scheme", async () => `Basic ${await sign(alg)}`],
    ["a scheme that starts with Bearer", async () => `BearerToken ${await sign(alg)}`],
    ["a token without the scheme", () => sign(alg)],
    ["a token and more", async () => `Bearer ${await sign(alg)} x`],
    ["two tokens", async () => `Bearer ${await sign(alg)}, Bearer ${await sign(alg)}`],
  ])("a request with %s has no principal", async (_, header) => {
    expect(await admitted(await header())).toEqual(expected(() => 401));
  });

  test.each<[string, () => Promise<string> | string]>([
    ["has expired", () => sign(alg, { exp: now() - 10 })],
    ["is not yet valid", () => sign(alg, { nbf: now() + 60 })],
    ["has an nbf that is not a time", () => sign(alg, { nbf: "yesterday" })],
    ["never expires", () => sign(alg, { exp: undefined })],
    ["has an exp that is not a time", () => sign(alg, { exp: "tomorrow" })],
    ["has an exp of null", () => sign(alg, { exp: null })],
    ["has no subject", () => sign(alg, { sub: undefined })],
    ["has an empty subject", () => sign(alg, { sub: "" })],
    ["has a number as its subject", () => sign(alg, { sub: 5 })],
    ["comes from another issuer", () => sign(alg, { iss: "https://evil.example" })],
    ["comes from an issuer that starts with the right one", () => sign(alg, { iss: `${AUTH_ISSUER}/` })],
    ["comes from several issuers", () => sign(alg, { iss: [AUTH_ISSUER] })],
    ["comes from no issuer", () => sign(alg, { iss: undefined })],
    ["is for another audience", () => sign(alg, { aud: "other" })],
    ["is for no audience", () => sign(alg, { aud: undefined })],
    ["is not signed", () => new UnsecuredJWT(claims()).encode()],
    ["is signed with None", () => tampered(alg, () => ({ header: encoded({ alg: "None" }), signature: "" }))],
    ["has alg none and a valid signature", () => tampered(alg, () => ({ header: encoded({ alg: "none" }) }))],
    ["has no alg", () => tampered(alg, () => ({ header: encoded({ kid: "rsa" }) }))],
    ["is signed with an algorithm of the other server", () => sign(alg === "HS256" ? "RS256" : "HS256")],
    ["is signed with a stranger's key", async () => sign(alg, {}, { key: await strangersKey(alg) })],
    [
      "contains a stranger's key",
      async () =>
        sign(alg, {}, { key: await strangersKey(alg), jwk: alg === "HS256" ? {} : strangers[alg].jwk }),
    ],
    [
      "names a stranger's keys",
      async () => sign(alg, {}, { key: await strangersKey(alg), jku: stranger.url, x5u: stranger.url }),
    ],
    ["is signed with zeros", () => tampered(alg, ({ signature }) => ({ signature: zeros(signature) }))],
    [
      "has another token's signature",
      () => tampered(alg, () => ({ payload: encoded(claims({ sub: "other" })) })),
    ],
    ["is truncated", () => tampered(alg, ({ signature }) => ({ signature: signature.slice(0, -4) }))],
    ["requires an unknown extension", () => sign(alg, {}, { crit: ["novel"], novel: true })],
    // CVE-2024-28176: decryption decompresses untrusted data.
    ["is encrypted instead of signed", encrypted],
  ])("a token that %s is refused", async (_, token) => {
    expect(await admitted(`Bearer ${await token()}`)).toEqual(expected(() => 401));
    expect(stranger.requests).toBe(0);
  });

  test("a token without roles has no role on any route", async () => {
    const none = `Bearer ${await sign(alg, { roles: undefined })}`;
    expect(await admitted(none, operations)).toEqual(expected(() => 403, operations));
  });

  test.each<[string, unknown]>([
    ["an empty list", []],
    ["a string", "admin"],
    ["a list with a number in it", ["admin", 5]],
    ["an object", { admin: true }],
    ["a role in upper case", ["ADMIN"]],
    ["an unknown role", ["owner"]],
    ["names that every object inherits", ["constructor", "__proto__"]],
    ["roles in one string", ["clerk editor admin"]],
  ])("a token with %s for its roles has no role", async (_, roles) => {
    expect(await admitted(`Bearer ${await sign(alg, { roles })}`)).toEqual(expected(() => 403));
  });

  test.each<[string, string[]]>([
    ["clerk", ["clerk"]],
    ["editor", ["editor"]],
    ["admin", ["admin"]],
    ["editor", ["clerk", "owner", "editor"]],
  ])("the role %s, from the roles %j, includes the lower roles", async (held, roles) => {
    const rank = (role: string) => ROLES.indexOf(role);
    expect(await admitted(`Bearer ${await sign(alg, { roles })}`, operations)).toEqual(
      expected((role) => (rank(role) <= rank(held) ? "in" : 403), operations),
    );
  });

  test.each<[string, () => Promise<string>]>([
    ["one of several audiences", async () => `Bearer ${await sign(alg, { aud: ["x", AUTH_AUDIENCE] })}`],
    ["the scheme in lower case", async () => `bearer ${await sign(alg)}`],
    ["a type", async () => `Bearer ${await sign(alg, {}, { typ: "at+jwt" })}`],
    ["an expiry within the clock tolerance", async () => `Bearer ${await sign(alg, { exp: now() - 1 })}`],
    ["a start within the clock tolerance", async () => `Bearer ${await sign(alg, { nbf: now() + 2 })}`],
  ])("a token with %s is accepted", async (_, header) => {
    expect(await admitted(await header())).toEqual(expected(() => "in"));
  });
});

const zeros = (signature: string) =>
  Buffer.alloc(Buffer.from(signature, "base64url").length).toString("base64url");

const encrypted = () =>
  new EncryptJWT(claims()).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(bytes(AUTH_SECRET));

test.each(["HS384", "HS512"])("a token signed with the secret by %s is refused", async (alg) => {
  const key = bytes(AUTH_SECRET.repeat(2).slice(0, alg === "HS384" ? 48 : 64));
  for (const secret of [key, bytes(AUTH_SECRET)]) {
    const headers = { Authorization: `Bearer ${await sign("HS256", {}, { alg, key: secret })}` };
    expect(await admissions(clients.HS256, headers)).toEqual(expected(() => 401));
  }
});

describe.each(PROVIDERS)("a provider's key for %s", (alg) => {
  const admitted = async (token: string) => admissions(clients[alg], { Authorization: `Bearer ${token}` });
  const publicKey = async () => (await importJWK(keys[alg].jwk, alg)) as CryptoKey;
  const bare = () => keys[alg].jwk.n ?? keys[alg].jwk.x ?? "";

  // CVE-2026-22817 and CVE-2026-22818: a library used a provider's public key as an HMAC secret.
  test.each<[string, () => Promise<string | Uint8Array> | string | Uint8Array]>([
    ["PEM", async () => exportSPKI(await publicKey())],
    ["PEM and a line break", async () => `${await exportSPKI(await publicKey())}\n`],
    ["JWK", () => JSON.stringify(keys[alg].jwk)],
    ["DER", async () => new Uint8Array(await crypto.subtle.exportKey("spki", await publicKey()))],
    ["bare number", () => Buffer.from(bare(), "base64url")],
    ["bare text", bare],
  ])("a provider's key as %s does not verify HS256", async (_, material) => {
    const value = await material();
    const key = typeof value === "string" ? bytes(value) : new Uint8Array(value);
    const token = await sign("HS256", {}, { key, kid: keys[alg].kid });
    expect(await admitted(token)).toEqual(expected(() => 401));
  });

  test.each<[string, unknown]>([
    ["that is unknown", "unknown"],
    ["of another of its keys", alg === "ES256" ? "rsa" : "ec"],
    ["that is empty", ""],
    ["that is a number", 5],
    ["that is a list", ["rsa", "ec", "ed"]],
    ["that every object inherits", "__proto__"],
  ])("a provider's key is not found by a key id %s", async (_, kid) => {
    expect(await admitted(await sign(alg, {}, { kid }))).toEqual(expected(() => 401));
  });

  test("a provider's key is found without a key id if no other has its type", async () => {
    expect(await admitted(await sign(alg, {}, { kid: undefined }))).toEqual(expected(() => "in"));
  });
});

test.each([
  ["RS256", "RS384"],
  ["RS256", "RS512"],
  ["RS256", "PS256"],
  ["EdDSA", "Ed25519"],
] as const)("a provider's key for %s does not sign by %s", async (alg, other) => {
  const key = (await importJWK(await exportJWK(keys[alg].privateKey), other)) as CryptoKey;
  const headers = { Authorization: `Bearer ${await sign(alg, {}, { key, alg: other })}` };
  expect(await admissions(clients[alg], headers)).toEqual(expected(() => 401));
});

test("a server without authentication refuses every operation that needs a role", async () => {
  for (const headers of [{}, { Authorization: `Bearer ${await sign("HS256")}` }]) {
    expect(await admissions(clients.closed, headers, operations)).toEqual(expected(() => 401, operations));
  }
});

test("an open server admits every request", async () => {
  for (const headers of [{}, { Authorization: "Bearer garbage" }]) {
    expect(await admissions(clients.open, headers, operations)).toEqual(expected(() => "in", operations));
  }
});
