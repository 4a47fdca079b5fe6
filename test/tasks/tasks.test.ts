/** Tasks of the to-do list, over HTTP on workerd. */
import { beforeAll, expect, test } from "vitest";
import { type Answer, type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { pagesOf } from "../support/walk.ts";
import { startWorker } from "../support/worker.ts";

let api: Client;

beforeAll(async () => {
  const database = await createTestDatabase();
  api = await createClient((await startWorker(database, { OPEN_LOCAL_WRITES: "true" })).url);
});

const create = async (title = "Order more Dune") =>
  (await api("POST", "/api/v1/tasks", { body: { title } })).json;

test("a new task is open", async () => {
  const { status, json, headers } = await api("POST", "/api/v1/tasks", {
    body: { title: " Order more Dune " },
  });
  expect(status).toBe(201);
  expect(Object.keys(json)).toEqual(["id", "title", "completed", "created_at", "updated_at"]);
  expect(json).toMatchObject({ title: "Order more Dune", completed: false });
  expect(headers.get("Location")).toBe(`/api/v1/tasks/${json.id}`);
  expect(headers.get("ETag")).toBe(`"${json.id}.1.1"`);
  expect((await api("GET", `/api/v1/tasks/${json.id}`)).json).toEqual(json);
});

test.each([
  [{}, [{ in: "body", path: "title", code: "required" }]],
  [{ title: " " }, [{ path: "title", code: "too_short" }]],
  [{ title: "x".repeat(256) }, [{ path: "title", code: "too_long" }]],
  [
    { title: 1, completed: true },
    [
      { path: "title", code: "invalid_type" },
      { path: "completed", code: "unknown_field" },
    ],
  ],
])("POST of the task %j reports every fault", async (body, details) => {
  const { status, json } = await api("POST", "/api/v1/tasks", { body });
  expect(status).toBe(422);
  expect(json.details).toMatchObject(details);
  expect(json.details).toHaveLength(details.length);
});

test("PATCH changes a task's title and state, and an unchanged task keeps its version", async () => {
  const task = await create();
  const done = await api("PATCH", `/api/v1/tasks/${task.id}`, { body: { completed: true } });
  expect([done.status, done.headers.get("ETag")]).toEqual([200, `"${task.id}.2.1"`]);
  expect(done.json).toEqual({ ...task, completed: true, updated_at: done.json.updated_at });
  const same = await api("PATCH", `/api/v1/tasks/${task.id}`, { body: done.json });
  expect([same.json, same.headers.get("ETag")]).toEqual([done.json, `"${task.id}.2.1"`]);
  const renamed = await api("PATCH", `/api/v1/tasks/${task.id}`, { body: { title: "Return Dune" } });
  expect(renamed.json).toMatchObject({ title: "Return Dune", completed: true });
  const wrong = await api("PATCH", `/api/v1/tasks/${task.id}`, { body: { completed: "yes", title: null } });
  expect([wrong.status, wrong.json.details.length]).toEqual([422, 2]);
});

test("DELETE of a task returns 204, then 404", async () => {
  const { id } = await create();
  expect((await api("DELETE", `/api/v1/tasks/${id}`)).status).toBe(204);
  for (const [method, body] of [["DELETE"], ["GET"], ["PATCH", {}]] as const) {
    expect((await api(method, `/api/v1/tasks/${id}`, { body })).status).toBe(404);
  }
});

test("the list of tasks can be walked page by page, newest first, filtered by state", async () => {
  const database = await createTestDatabase();
  const client = await createClient((await startWorker(database, { OPEN_LOCAL_WRITES: "true" })).url);
  await database.sql(
    `insert into tasks (title, completed, created_at)
     select 'Task ' || n, n % 2 = 0, '2026-01-01'::timestamptz + n / 3 * interval '1 microsecond' from generate_series(1, 10) n`,
  );
  for (const [filter, where] of [
    ["", "true"],
    ["completed=true", "completed"],
    ["completed=false", "not completed"],
  ]) {
    const expected = await database.sql<{ id: string }>(
      `select id from tasks where ${where} order by created_at desc, id desc`,
    );
    const follow = ({ headers, json }: Answer, rel: "next" | "prev") => {
      const [, path, cursor = null] =
        headers.get("Link")?.match(`<([^>]*cursor=([^>]*))>; rel="${rel}"`) ?? [];
      expect(cursor, `the cursor in the link ${rel}`).toBe(json[`${rel}_cursor`]);
      return path && client("GET", path);
    };
    const ids = ({ json }: Answer) => json.data.map(({ id }: { id: string }) => id);
    const first = await client("GET", `/api/v1/tasks?limit=3&${filter}`);
    const there = await pagesOf(first, (page) => follow(page, "next"));
    const back = await pagesOf(there.at(-1) as Answer, (page) => follow(page, "prev"));
    for (const pages of [there, back.reverse()])
      expect(pages.flatMap(ids)).toEqual(expected.map(({ id }) => id));
  }
});

test("a cursor of the list of tasks is invalid with another filter", async () => {
  for (let made = 0; made < 2; made++) await create();
  const filters = ["", "completed=true", "completed=false"];
  const { next_cursor } = (await api("GET", "/api/v1/tasks?limit=1&completed=false")).json;
  const statuses = filters.map(async (filter) => {
    const { status } = await api("GET", `/api/v1/tasks?${filter}&cursor=${next_cursor}`);
    return [filter, status];
  });
  expect(await Promise.all(statuses)).toEqual([
    ["", 400],
    ["completed=true", 400],
    ["completed=false", 200],
  ]);
});

test.each(["page=1", "sort=title", "completed=1", "completed=", "count=exact"])(
  "the list refuses %s",
  async (query) => {
    expect((await api("GET", `/api/v1/tasks?${query}`)).status).toBe(422);
  },
);
