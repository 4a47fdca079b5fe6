/** Tokens of real identity providers, with the configurations that docs/auth.md gives, on every runtime. */
import { beforeAll, describe, expect, test } from "vitest";
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
import { RUNTIMES, startServer, type TestServer } from "../support/servers.ts";

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

describe.each(RUNTIMES)("on %s", (runtime) => {
  let servers: Map<string, TestServer>;

  beforeAll(async () => {
    const started = standins.map(async ({ sample, variables }) => {
      return [sample.name, await startServer(runtime, database, variables)] as const;
    });
    servers = new Map(await Promise.all(started));
  });

  test.each(SAMPLES.map(({ name }) => name))(
    "a token of %s gives the role that its map says",
    async (name) => {
      const { sample, variables, keys } = standins.find((standin) => standin.sample.name === name) as Standin;
      const url = servers.get(name)?.url ?? "";
      const { AUTH_ISSUER: iss = "" } = variables;
      const outcomes = async (key: Key, changes = {}) => {
        const Authorization = `Bearer ${await signWith(key, { ...sample.claims, iss, ...changes })}`;
        const [tasks, books] = await Promise.all([
          fetch(`${url}/api/v1/tasks`, { headers: { Authorization } }),
          fetch(`${url}/api/v1/books`, { method: "POST", headers: { Authorization } }),
        ]);
        return [tasks.status, books.status, tasks.headers.get("WWW-Authenticate")];
      };
      for (const key of keys) {
        const allowed = [200, sample.role === "editor" ? 415 : 403, null];
        expect([key.alg, ...(await outcomes(key))]).toEqual([key.alg, ...allowed]);
      }
      const [key] = keys as [Key];
      expect(await outcomes(key, sample.without)).toEqual([
        403,
        403,
        expect.stringContaining("insufficient_scope"),
      ]);
      expect(await outcomes(key, sample.elsewhere)).toEqual([
        401,
        401,
        expect.stringContaining("audience (aud"),
      ]);
      expect(await outcomes(key, { iss: "https://evil.example" })).toEqual([
        401,
        401,
        expect.stringContaining("issuer (iss)"),
      ]);
    },
  );
});
