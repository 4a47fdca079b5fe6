/** The settings of `npm run dev`: environment variables, and a wrangler.toml that is ready for deployment. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { newBook } from "../support/books.ts";
import { rawRequest } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { BEYOND_QUOTA, copyCheckout, prepareDev, QUOTA, run, withSmallQuota } from "../support/dev.ts";
import { SECRET, tokenFor } from "../support/token.ts";

prepareDev();

const post = (origin: string, headers: Record<string, string> = {}) =>
  fetch(`${origin}/api/v1/books`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(newBook()),
  });

test("npm run dev passes the configuration's environment variables to the Worker", async () => {
  const started = await run({
    checkout: await copyCheckout(withSmallQuota),
    variables: {
      AUTH_ISSUER: "http://127.0.0.1:9",
      AUTH_AUDIENCE: "octavo",
      CORS_ORIGINS: "https://front.example",
      RATE_LIMIT: `${QUOTA}/60`,
    },
  });
  await started.ready;
  expect(started.stdout()).toMatch(/Writes +need a token from your identity provider/);
  expect((await post(started.origin)).status).toBe(401);
  const preflight = (Origin: string) =>
    rawRequest(started.origin, {
      method: "OPTIONS",
      path: "/api/v1/books",
      headers: { Origin, "Access-Control-Request-Method": "DELETE" },
    });
  const methodsFor = async (origin: string) =>
    (await preflight(origin)).headers.get("Access-Control-Allow-Methods");
  expect(await methodsFor("https://front.example")).toContain("DELETE");
  expect(await methodsFor("http://localhost:5173")).not.toContain("DELETE");
  const statuses = await Promise.all(
    Array.from(
      { length: BEYOND_QUOTA },
      async () => (await fetch(`${started.origin}/api/v1/books?limit=0`)).status,
    ),
  );
  expect(new Set(statuses)).toEqual(new Set([422, 429]));
});

test("npm run dev names every invalid or misspelled variable, and prints no value", async () => {
  const faulty = {
    NEON_FETCH_ENDPOINT: "hidden",
    CURSOR_KEY: "hidden",
    AUTH_JWKS_URL: "hidden",
    RATE_LIMIT: "hidden",
    REQUEST_TIMEOUT_MS: "hidden",
    CORS_ORIGINS: "hidden",
    OPEN_LOCAL_WRITES: "hidden",
  };
  const refused = await run({ variables: { ...faulty, RATELIMITS: "hidden", DATABASE_URI: "hidden" } });
  expect(await refused.exit).toBe(1);
  for (const name of [...Object.keys(faulty), "AUTH_ISSUER"]) expect(refused.output()).toContain(name);
  expect(refused.output()).toContain("DATABASE_URI is not a variable of Octavo: did you mean DATABASE_URL?");
  expect(refused.output()).not.toMatch(/hidden|RATELIMITS/);
});

test.each([
  [
    "a DATABASE_URL that is not a URL",
    { DATABASE_URL: "hidden" },
    /DATABASE_URL must have the form postgres:/,
  ],
  [
    "a remote DATABASE_URL without CURSOR_KEY",
    { DATABASE_URL: "postgres://a:hidden@db.example/a" },
    /CURSOR_KEY is/,
  ],
  ["a short AUTH_SECRET", { AUTH_SECRET: "hidden" }, /^AUTH_SECRET must have 32 bytes or more\.\n$/],
  [
    "an AUTH_ISSUER that is no identity provider",
    { AUTH_ISSUER: "hidden" },
    /AUTH_ISSUER must be the URL of an identity provider/,
  ],
])("npm run dev refuses to start with %s", async (_, variables, sentence) => {
  const refused = await run({ variables });
  expect(await refused.exit).toBe(1);
  expect(refused.output()).toMatch(sentence);
  expect(refused.output()).not.toMatch(/hidden|\n {4}at /);
});

test("npm run dev leaves the database of DATABASE_URL as it is, and requires a token for writes", async () => {
  const database = await createTestDatabase();
  const started = await run({ variables: { DATABASE_URL: database.url, AUTH_SECRET: SECRET } });
  await started.ready;
  expect(await database.sql("select count(*)::int as books from books")).toEqual([{ books: 0 }]);
  expect(started.output()).not.toContain(new URL(database.url).password);
  expect((await post(started.origin)).status).toBe(401);
  expect((await post(started.origin, { Authorization: `Bearer ${await tokenFor("editor")}` })).status).toBe(
    201,
  );
  expect(await database.sql("select count(*)::int as books from books")).toEqual([{ books: 1 }]);
});

test("npm run dev accepts writes without a token to the database of DATABASE_URL only with OPEN_LOCAL_WRITES", async () => {
  const { url } = await createTestDatabase();
  const closed = await run({ variables: { DATABASE_URL: url } });
  await closed.ready;
  expect((await post(closed.origin)).status).toBe(401);
  const open = await run({ variables: { DATABASE_URL: url, OPEN_LOCAL_WRITES: "true" } });
  await open.ready;
  expect((await post(open.origin)).status).toBe(201);
});

test("npm run dev explains why a database is not ready", async () => {
  const refused = await run({ variables: { DATABASE_URL: inject("postgres") } });
  expect(await refused.exit).toBe(1);
  expect(refused.output()).toMatch(/^The Worker is not ready: .+\.$/m);
});

test("npm run dev ignores the routes, variables and .env files of a deployment", async () => {
  const checkout = await copyCheckout((toml) => {
    const routes = 'routes = [{ pattern = "shop.example/*", zone_name = "shop.example" }]\n';
    const vars = '\n[vars]\nAUTH_JWKS_URL = "https://id.example/keys"\nAUTH_ISSUER = "https://id.example"\n';
    return routes + toml + vars;
  });
  // compose.yaml reads its secrets from .env.
  for (const name of [".env", ".dev.vars"]) await writeFile(join(checkout, name), `AUTH_SECRET=${SECRET}\n`);

  const started = await run({ checkout });
  await started.ready;
  expect((await post(started.origin)).status).toBe(201);
  const statusFor = async (Host: string) =>
    (await rawRequest(started.origin, { path: "/health", headers: { Host } })).status;
  expect(await statusFor(new URL(started.origin).host)).toBe(200);
  expect(await statusFor("localhost:8787")).toBe(200);
  for (const host of ["evil.example", "shop.example", "localhost.evil.example"])
    expect([host, await statusFor(host)]).toEqual([host, 421]);
});
