/** Data points of Workers: what a request writes to Analytics Engine, if it is bound. */
import { expect, test } from "vitest";
import type { RequestEvent } from "../../src/http/observe.ts";
import { dataPointOf } from "../../src/runtimes/analytics.ts";
import { createTestDatabase } from "../support/database.ts";
import { textOf } from "../support/markdown.ts";
import { startWorker } from "../support/worker.ts";

test("a data point has the columns that docs/operating.md lists", () => {
  const event = {
    ...{ route: "/api/v1/books/:id", method: "GET", status: 404, problem: "not_found", role: undefined },
    edge_cache: "miss",
    ...{ duration_ms: 5.5, db_ms: 3.25, db_wait_ms: 0.5, db_round_trips: 1, bytes_in: 10, bytes_out: 200 },
  } as RequestEvent;
  const point = dataPointOf(event);
  expect(point).toEqual({
    indexes: ["/api/v1/books/:id"],
    blobs: ["/api/v1/books/:id", "GET", "not_found", "", "miss"],
    doubles: [404, 5.5, 3.25, 0.5, 1, 10, 200],
  });
  const named = [...textOf("docs/operating.md").matchAll(/`((?:blob|double)\d)`/g)].map(([, name]) => name);
  expect(new Set(named).size).toBe(point.blobs.length + point.doubles.length);
});

test("a Worker with the binding writes a data point for each request, and serves", async () => {
  const database = await createTestDatabase();
  const overrides = { analyticsEngineDatasets: { METRICS: { dataset: "octavo" } } };
  const worker = await startWorker(database, {}, { overrides });
  expect((await fetch(`${worker.url}/api/v1/books`)).status).toBe(200);
  await expect.poll(() => worker.logs().filter((line) => line.includes('"/api/v1/books"'))).toHaveLength(1);
  expect(worker.logs().join()).not.toContain("Error");
});
