/** Sends each case to every runtime, and compares the responses byte by byte. */
import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkerOf } from "../support/checker.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { ALL_RUNTIMES, startServer, type Variables } from "../support/servers.ts";
import { authCases } from "./cases/auth.ts";
import { bareCases } from "./cases/bare.ts";
import { bodyCases } from "./cases/bodies.ts";
import { bookCases } from "./cases/books.ts";
import { changeCases } from "./cases/changes.ts";
import { exportCases } from "./cases/export.ts";
import { importCases } from "./cases/import.ts";
import { listingCases } from "./cases/listing.ts";
import { onceCases } from "./cases/once.ts";
import { operationCases } from "./cases/operations.ts";
import { pageCases } from "./cases/pages.ts";
import { routerCases } from "./cases/router.ts";
import { separatorCases } from "./cases/separators.ts";
import { stockCases } from "./cases/stock.ts";
import { taskCases } from "./cases/tasks.ts";
import { type Case, type Exchange, sender, type Target } from "./exchange.ts";
import { BARE, RESET, VARIABLES } from "./fixtures.ts";
import { normalise } from "./normalise.ts";

interface Server extends Target {
  database: TestDatabase;
  /** The number of requests sent, and the operations that responded. */
  exchanges: number;
  seen: Set<string>;
}

/** One server per runtime, and one more without authentication and database. */
let servers: Server[];
let bareServers: Server[];
// biome-ignore lint/suspicious/noExplicitAny: the test reads all of the document
let document: any;

beforeAll(async () => {
  const started = await Promise.all(
    ALL_RUNTIMES.map(async (runtime) => {
      const database = await createTestDatabase();
      await database.sql(RESET);
      const start = async (variables: Variables): Promise<Server> => {
        const { url } = await startServer(runtime, database, variables);
        const { check, document: text } = await checkerOf(url);
        document = JSON.parse(text);
        const agent = new Agent({ keepAlive: true });
        return {
          runtime,
          url,
          agent,
          check,
          database,
          exchanges: 0,
          seen: new Set(),
        };
      };
      return Promise.all([start(VARIABLES), start(BARE)]);
    }),
  );
  servers = started.map(([server]) => server);
  bareServers = started.map(([, server]) => server);
});
afterAll(() => {
  for (const { agent } of [...servers, ...bareServers]) agent.destroy();
});

/** Sends a case to one server, and resets its database afterwards. */
async function answersOf(server: Server, run: Case["run"]) {
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
  ["operations", operationCases, () => servers],
  ["router", routerCases, () => servers],
  ["auth", authCases, () => servers],
  // Estimates depend on the size of the table's file, and so on the writes before them.
  ["listing", listingCases, () => servers],
  ["export", exportCases, () => servers],
  ["import", importCases, () => servers],
  ["books", bookCases, () => servers],
  ["changes", changeCases, () => servers],
  ["stock", stockCases, () => servers],
  ["tasks", taskCases, () => servers],
  ["bodies", bodyCases, () => servers],
  ["once", onceCases, () => servers],
  ["separators", separatorCases, () => servers],
  ["pages", pageCases, () => servers],
  ["bare", bareCases, () => bareServers],
] as const)("conformance: %s", (_, cases, started) => {
  test.each(cases.map(({ name, run }) => [name, run] as const))(
    "all runtimes agree on %s",
    async (_, run) => {
      const settled = await Promise.allSettled(started().map((server) => answersOf(server, run)));
      const [reference, ...others] = settled.map((result) => {
        if (result.status === "rejected") throw result.reason;
        return result.value;
      });
      for (const [at, answers] of others.entries()) {
        expect(answers, `${ALL_RUNTIMES[at + 1]} against ${ALL_RUNTIMES[0]}`).toEqual(reference);
      }
    },
  );
});

test("the suite has more than 1,500 requests, and covers every operation", () => {
  const operations = Object.entries<object>(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  for (const { exchanges, seen } of servers) {
    expect(exchanges).toBeGreaterThan(1_500);
    expect([...seen].sort()).toEqual(operations.sort());
  }
});
