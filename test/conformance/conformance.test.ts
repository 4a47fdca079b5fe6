/** One API on every runtime: each case is put to all of them, and their answers are compared to the byte. */
import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { responseChecker } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { authCases } from "./cases/auth.ts";
import { bodyCases } from "./cases/bodies.ts";
import { bookCases } from "./cases/books.ts";
import { listingCases } from "./cases/listing.ts";
import { routerCases } from "./cases/router.ts";
import { taskCases } from "./cases/tasks.ts";
import { type Exchange, type Send, sender, type Target } from "./exchange.ts";
import { RESET, VARIABLES } from "./fixtures.ts";
import { normalise } from "./normalise.ts";

interface Server extends Target {
  database: TestDatabase;
  /** Operations that answered. */
  seen: Set<string>;
  exchanges: number;
}

let servers: Server[];
// biome-ignore lint/suspicious/noExplicitAny: a document is looked into everywhere
let document: any;

beforeAll(async () => {
  servers = await Promise.all(
    RUNTIMES.map(async (runtime) => {
      const database = await createTestDatabase();
      await database.sql(RESET);
      const { url } = await startServer(runtime, database, VARIABLES);
      document = await (await fetch(`${url}/openapi.json`)).json();
      const agent = new Agent({ keepAlive: true });
      return {
        runtime,
        url,
        agent,
        check: responseChecker(document),
        database,
        seen: new Set<string>(),
        exchanges: 0,
      };
    }),
  );
});
afterAll(() => {
  for (const { agent } of servers) agent.destroy();
});

/** Puts a case to one server, and makes its database again what it was. */
async function perform(server: Server, run: (send: Send) => Promise<unknown>) {
  const exchanges: Exchange[] = [];
  try {
    await run(sender(server, exchanges, server.seen));
  } finally {
    server.exchanges += exchanges.length;
    if (exchanges.some(({ method, status }) => status < 300 && !READS.has(method)))
      await server.database.sql(RESET);
  }
  return normalise(exchanges);
}

const READS = new Set(["GET", "HEAD", "OPTIONS"]);

describe.each([
  ["router", routerCases],
  ["auth", authCases],
  ["books", bookCases],
  ["listing", listingCases],
  ["tasks", taskCases],
  ["bodies", bodyCases],
])("%s", (_, cases) => {
  test.each(cases.map(({ name, run }) => [name, run] as const))("%s", async (_, run) => {
    const outcomes = await Promise.allSettled(servers.map((server) => perform(server, run)));
    const [reference, ...others] = outcomes.map((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
    for (const [at, answers] of others.entries()) {
      expect(answers, `${servers[at + 1]?.runtime} against ${servers[0]?.runtime}`).toEqual(reference);
    }
  });
});

test("there are enough cases, and every operation had one that it answered", () => {
  const operations = Object.entries<object>(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  for (const { exchanges, seen } of servers) {
    expect(exchanges).toBeGreaterThan(1_000);
    expect([...seen].sort()).toEqual(operations.sort());
  }
});
