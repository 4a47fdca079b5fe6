/** EDGE_CACHE_SECONDS on servers: what a CDN in front of them is told. */
import { beforeAll, expect, test } from "vitest";
import { rawRequest } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";
import { fillShop } from "../support/shop.ts";
import { SECRET } from "../support/token.ts";

const SECONDS = 600;
const CACHE_CONTROL = `public, max-age=0, must-revalidate, s-maxage=${SECONDS}`;
const BOOKS = "/api/v1/books";
const CACHED = [
  [`${BOOKS}?limit=3`, CACHE_CONTROL, null],
  ["/", CACHE_CONTROL, "Accept, Accept-Encoding"],
  [`${BOOKS}/ID`, `${CACHE_CONTROL}, no-transform`, null],
] as const;
let url: string;
let id: string;

beforeAll(async () => {
  const database = await createTestDatabase();
  await fillShop(database);
  ({ url } = await startServer("node", database, {
    EDGE_CACHE_SECONDS: `${SECONDS}`,
    AUTH_SECRET: SECRET,
  }));
  const [book] = await database.sql<{ id: string }>("select id from books");
  id = `${book?.id}`;
});

const ask = (path: string, headers: Record<string, string> = {}) =>
  rawRequest(url, { path: path.replace("ID", id), headers });

test.each(CACHED)("a CDN is told how long it may keep %s", async (path, caching, vary) => {
  const { headers } = await ask(path);
  expect([headers.get("Cache-Control"), headers.get("Vary")]).toEqual([caching, vary]);
  expect(headers.has("Age")).toBe(false);
  const tag = headers.get("ETag");
  if (!tag) return;
  const again = await ask(path, { "If-None-Match": tag });
  expect([again.status, again.headers.get("Cache-Control"), again.headers.get("Vary")]).toEqual([
    304,
    caching,
    vary,
  ]);
});

test.each(CACHED)("what %s is to one client is not for a CDN", async (path) => {
  for (const headers of [{ Authorization: "Bearer whatever" }, { Cookie: "theme=dark" }])
    expect((await ask(path, headers)).headers.get("Cache-Control")).toMatch(/^no-/);
});

test.each([
  `${BOOKS}?limit=0`,
  `${BOOKS}/${"0".repeat(8)}-0000-7000-8000-${"0".repeat(12)}`,
  "/api/v1/tasks",
  "/ready",
])("no cache may keep %s", async (path) => {
  expect((await ask(path)).headers.get("Cache-Control")).toBe("no-store");
});
