/** The connection pool: how a slow or broken connection affects its request and those that wait. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pooledDriver } from "../../src/db/pool.ts";
import { deadlineIn } from "../../src/deadline.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Link, startProxy } from "../support/proxy.ts";
import { startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const PATIENCE = { timeout: 20_000 };
/** Above 100 ms, the lock limit, after which waiting writes are sent although another one runs. */
const LEFT_MS = 200;

describe.each(["node", "bun"] as const)("%s, with one connection", (runtime) => {
  let api: Client;
  let database: TestDatabase;
  let links: ReadonlySet<Link>;
  /** How the proxy in front of Postgres handles the data that the server sends. */
  let tamper = (data: Buffer, _: Link) => data;

  beforeAll(async () => {
    database = await createTestDatabase();
    const proxy = await startProxy(database.url, {
      join(link) {
        const { near, far } = link;
        near.on("data", (data) => far.write(tamper(data, link)));
        far.pipe(near);
      },
    });
    links = proxy.links;
    const server = await startServer(runtime, database, {
      DATABASE_URL: proxy.url,
      DATABASE_POOL_SIZE: "1",
      REQUEST_TIMEOUT_MS: "1000",
      AUTH_SECRET: SECRET,
    });
    api = await createClient(server.url, await tokenFor("admin"));
  });
  beforeEach(async () => {
    tamper = (data) => data;
    await expect.poll(async () => (await api("GET", "/ready")).status, PATIENCE).toBe(200);
  });

  const each = (act: (link: Link) => void) => [...links].forEach(act);

  const addTask = (title: string, key?: string) =>
    api("POST", "/api/v1/tasks", { body: { title }, ...(key && { headers: { "Idempotency-Key": key } }) });

  const tasks = (title: string) => database.sql("select from tasks where title = $1", [title]);

  /** Blocks all requests for books and tasks, and resolves to a function that releases them. */
  const lockTables = () => database.hold("lock table books, tasks in access exclusive mode");

  const expectUnavailable = ({ json }: { json: unknown }) =>
    expect(json).toMatchObject({ status: 503, error: "database_unavailable" });

  test("a slow connection fails its request and those that wait with 503, and serves again afterwards", async () => {
    const release = await lockTables();
    const paths = ["/api/v1/books", "/ready", "/api/v1/books?count=exact"];
    for (const answer of await Promise.all(paths.map((path) => api("GET", path)))) expectUnavailable(answer);
    await release();
    await expect.poll(async () => (await api("GET", "/api/v1/books")).status, PATIENCE).toBe(200);
  });

  const terminate = () =>
    database.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
  const WAYS = [
    ["by Postgres", terminate],
    ["by the network", () => each(({ near }) => near.destroy())],
    ["by a reset", () => each(({ near }) => near.resetAndDestroy())],
  ] as const;
  const PATHS = ["/api/v1/books", "/api/v1/books?count=exact"];

  test.each(WAYS.flatMap(([way, end]) => PATHS.map((path) => [way, path, end] as const)))(
    "a connection broken %s fails GET %s with 503, and the next request gets another connection",
    async (_, path, end) => {
      const release = await lockTables();
      const answer = api("GET", path);
      await expect.poll(database.waiting, PATIENCE).toBe(1);
      const behind = api("GET", "/ready");
      await end();
      expectUnavailable(await answer);
      expect((await behind).status).toBe(200);
      await release();
      expect((await api("GET", path)).status).toBe(200);
    },
  );

  test("an error inside a batch leaves the connection usable", async () => {
    const [link] = links;
    await database.sql("alter table books rename column created_at to made_at");
    expect((await api("GET", "/api/v1/books?count=exact")).status).toBe(503);
    await database.sql("alter table books rename column made_at to created_at");
    expect((await api("GET", "/api/v1/books?count=exact")).status).toBe(200);
    expect([...links]).toEqual([link]);
  });

  /** Replaces a statement of the next batch, which must have no parameters. */
  function replace(statement: string, other: string): void {
    tamper = (data) => {
      const at = data.indexOf(statement);
      if (at < 0) return data;
      tamper = (data) => data;
      const end = data.indexOf(0, at);
      const query = Buffer.from(`Q\0\0\0\0${other}\0`);
      query.writeInt32BE(query.length - 1, 1);
      return Buffer.concat([data.subarray(0, at - 5), query, data.subarray(end + 1)]);
    };
  }
  const CANCEL = "select pg_cancel_backend(pg_backend_pid())";

  test("a batch whose BEGIN fails has no effect, although its other statements arrive", async () => {
    replace("begin", CANCEL);
    expectUnavailable(await addTask("not begun", "not-begun"));
    expect(await tasks("not begun")).toHaveLength(0);
    // Until Postgres notices that the old connection ended, the key is locked, and the response is 409.
    await expect.poll(async () => (await addTask("not begun", "not-begun")).status).toBe(201);
  });

  test("no write of a group is executed twice if its BEGIN fails", async () => {
    const release = await lockTables();
    const titles = ["first, alone", "second", "third"];
    const added = [addTask("first, alone")];
    await expect.poll(database.waiting, PATIENCE).toBe(1);
    replace("begin", CANCEL);
    added.push(addTask("second"), addTask("third"));
    await sleep(LEFT_MS);
    await release();
    const [first, ...others] = await Promise.all(added);
    expect(first?.status).toBe(201);
    for (const answer of others) expectUnavailable(answer);
    for (const title of titles) expect(await tasks(title)).toHaveLength(1);
  });

  test("a batch that does not commit has no effect, and leaves nothing on the connection", async () => {
    replace("commit\0", CANCEL);
    expectUnavailable(await addTask("not committed", "not-committed"));
    expect(await tasks("not committed")).toHaveLength(0);
    expect((await addTask("another")).status).toBe(201);
    await expect.poll(async () => (await addTask("not committed", "not-committed")).status).toBe(201);
    expect(await tasks("not committed")).toHaveLength(1);
  });

  test("a batch whose end never reaches Postgres releases its locks", async () => {
    tamper = (data, { near, far }) => {
      const at = data.indexOf("commit\0");
      if (at < 0) return data;
      // From here on, neither side receives data, as if a cable was cut.
      near.removeAllListeners("data").removeAllListeners("close");
      far.unpipe(near);
      tamper = (data) => data;
      return data.subarray(0, at);
    };
    expectUnavailable(await addTask("silent", "silent"));
    const again = async () => {
      const { status, headers } = await addTask("silent", "silent");
      return [status, headers.has("Idempotency-Replayed")];
    };
    await expect.poll(again, PATIENCE).toEqual([201, false]);
    expect(await tasks("silent")).toHaveLength(1);
  });

  test("a connection that never opens fails its request with 503, and is replaced", async () => {
    tamper = () => Buffer.alloc(0);
    each(({ near }) => near.destroy());
    // The first request may still get the broken connection.
    for (let time = 0; time < 2; time++) expectUnavailable(await api("GET", "/ready"));
    tamper = (data) => data;
    await expect.poll(async () => (await api("GET", "/ready")).status, PATIENCE).toBe(200);
  });

  test.each([
    ["read-only", "default_transaction_read_only", "on"],
    ["impatient with locks", "lock_timeout", "100"],
    ["impatient with statements", "statement_timeout", "100"],
    ["impatient with transactions", "transaction_timeout", "100"],
  ])("a database that is temporarily %s causes 503 meanwhile", async (state, setting, value) => {
    const set = async (change: string) => {
      await database.alter(change);
      each(({ near }) => near.destroy());
      await expect.poll(async () => (await api("GET", "/ready")).status).toBe(200);
    };
    const release = setting.endsWith("_timeout") ? await lockTables() : async () => {};
    await set(`set ${setting} = ${value}`);
    expectUnavailable(await addTask(state));
    await release();
    await set(`reset ${setting}`);
    expect((await addTask(state)).status).toBe(201);
  });
});

test("a statement is prepared again if a migration changes the type of its result", async () => {
  const database = await createTestDatabase();
  await database.sql("create table changing as select 1 as one");
  const driver = pooledDriver({ url: database.url, size: 1, timeout: 5_000 });
  const read = () =>
    driver.query({ text: "select * from changing", values: [], name: "changing" }, deadlineIn(5_000));
  expect(await read()).toEqual([{ one: 1 }]);
  await database.sql("alter table changing add column two int");
  expect(await read()).toEqual([{ one: 1, two: null }]);
  await driver.end();
});
