/** Tokens of real identity providers, with the configurations that docs/auth.md gives; every kind of key on every runtime. */
import { beforeAll, describe, expect, inject, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { neonDriver } from "../../src/db/neon.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { tableOf } from "../support/markdown.ts";
import {
  answering,
  createKey,
  discovery,
  type Key,
  type Provider,
  signWith,
  startProvider,
} from "../support/provider.ts";
import { type ProviderSample, SAMPLES } from "../support/provider-tokens.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";

const NAMES = ["AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_ROLES", "AUTH_ROLE_MAP"] as const;
const rows = tableOf("docs/auth.md", "provider", ...NAMES.map((name) => `\`${name}\``));

/** A provider on loopback in the place of a real one. */
interface Standin {
  sample: ProviderSample;
  variables: Record<string, string>;
  keys: Key[];
}

let database: TestDatabase;
let standins: Standin[];

beforeAll(async () => {
  database = await createTestDatabase();
  standins = await Promise.all(SAMPLES.map(startStandin));
});

async function startStandin(sample: ProviderSample): Promise<Standin> {
  const [, ...cells] = rows.find(([name]) => name === sample.name) ?? [];
  const variables = Object.fromEntries(
    NAMES.flatMap((name, at) => (cells[at] ? [[name, cells[at].replaceAll("`", "")]] : [])),
  );
  const [provider, ...keys] = await Promise.all([
    startProvider(),
    ...sample.algorithms.map((alg) => createKey(alg, `key-${alg}`)),
  ]);
  const { origin } = new URL(variables.AUTH_ISSUER ?? "");
  variables.AUTH_ISSUER = `${variables.AUTH_ISSUER}`.replace(origin, provider.issuer);
  await publish(provider, variables.AUTH_ISSUER, sample, keys);
  return { sample, variables, keys };
}

async function publish(provider: Provider, issuer: string, { hasAlg }: ProviderSample, keys: Key[]) {
  const { jwk } = await createKey("RS256", "encrypts");
  provider.publish(
    { ...jwk, use: "enc", alg: "RSA-OAEP" },
    ...keys.map(({ jwk, alg }) => ({ ...jwk, use: "sig", ...(hasAlg && { alg }) })),
  );
  provider.answerDiscovery = answering(200, JSON.stringify(discovery(issuer, provider.url)));
}

test("docs/auth.md has a configuration for every provider, and for no other", () => {
  expect(rows.map(([name]) => name)).toEqual(SAMPLES.map(({ name }) => name));
});

/** Sends a request for a path. */
type Send = (path: string, init: RequestInit) => Promise<Response> | Response;

/** Providers with other keys than those before them. Each runtime verifies signatures by itself, and reads claims as all do. */
const WITH_OTHER_KEYS = SAMPLES.filter((sample, at) => SAMPLES.findIndex(hasKeysOf(sample)) === at);

function hasKeysOf(sample: ProviderSample) {
  const kind = ({ algorithms, hasAlg }: ProviderSample) => `${algorithms} ${hasAlg}`;
  return (other: ProviderSample) => kind(other) === kind(sample);
}

const standinOf = (name: string) => standins.find(({ sample }) => sample.name === name) as Standin;

async function expectRole({ sample, variables, keys }: Standin, send: Send): Promise<void> {
  const { AUTH_ISSUER: iss = "" } = variables;
  const outcomes = async (key: Key, changes = {}) => {
    const Authorization = `Bearer ${await signWith(key, { ...sample.claims, iss, ...changes })}`;
    const [tasks, books] = await Promise.all([
      send("/api/v1/tasks", { headers: { Authorization } }),
      send("/api/v1/books", { method: "POST", headers: { Authorization } }),
    ]);
    return [tasks.status, books.status, tasks.headers.get("WWW-Authenticate")];
  };
  for (const key of keys) {
    const allowed = [200, sample.role === "editor" ? 415 : 403, null];
    expect([key.alg, ...(await outcomes(key))]).toEqual([key.alg, ...allowed]);
  }
  const [key] = keys as [Key];
  const refusals = [
    [sample.without, 403, "insufficient_scope"],
    [sample.elsewhere, 401, "audience (aud"],
    [{ iss: "https://evil.example" }, 401, "issuer (iss)"],
  ] as const;
  for (const [changes, status, reason] of refusals)
    expect(await outcomes(key, changes)).toEqual([status, status, expect.stringContaining(reason)]);
}

test.each(SAMPLES)("a token of $name gives the role that its map says", async ({ name }) => {
  const standin = standinOf(name);
  const app = createApp({
    config: await parseConfig({ DATABASE_URL: database.url, ...standin.variables }),
    connect: connectOver(direct(neonDriver({ url: database.url, fetchEndpoint: inject("neon") }))),
    log: () => {},
    readAsset: async () => new Uint8Array(),
  });
  await expectRole(standin, (path, init) => app.request(`http://127.0.0.1${path}`, init));
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  test.each(WITH_OTHER_KEYS)("a token of $name gives the role that its map says", async ({ name }) => {
    const standin = standinOf(name);
    const { url } = await startServer(runtime, database, standin.variables);
    await expectRole(standin, (path, init) => fetch(url + path, init));
  });
});
