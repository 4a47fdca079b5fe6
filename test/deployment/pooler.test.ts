/** Servers behind PgBouncer in transaction mode, which share a few connections to Postgres. */
import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { seed } from "../../dev/seed.ts";
import { migrate } from "../../ops/migrations.ts";
import { pooledDriver } from "../../src/db/pool.ts";
import { deadlineIn } from "../../src/deadline.ts";
import { isbnOf, newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { NO_POOLER, startPooler } from "../support/pooler.ts";
import { launchServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const POOLERS: [string, Record<string, number>][] = [
  ["as it comes", {}],
  ["that does not support prepared statements", { max_prepared_statements: 0 }],
];
/** The pooler's connections to Postgres, fewer than the servers' connections to the pooler. */
const CONNECTIONS = 3;

describe.skipIf(NO_POOLER)(`behind PgBouncer${NO_POOLER ? ` (${NO_POOLER})` : ""}`, () => {
  describe.each(POOLERS)("%s", (name, settings) => {
    let database: TestDatabase;
    let through: (url: string) => string;
    let node: Client;
    let bun: Client;
    let notices: () => string;

    beforeAll(async () => {
      database = await createTestDatabase();
      ({ through } = await startPooler({ default_pool_size: CONNECTIONS, ...settings }));
      const variables = { DATABASE_URL: through(database.url), AUTH_SECRET: SECRET };
      const servers = (["node", "bun"] as const).map((runtime) => launchServer(runtime, variables));
      const token = await tokenFor("admin");
      [node, bun] = (await Promise.all(servers.map(async ({ url }) => createClient(await url, token)))) as [
        Client,
        Client,
      ];
      notices = () => servers.map((server) => server.notices()).join("");
    });

    const addTask = (api: Client, title: string) => api("POST", "/api/v1/tasks", { body: { title } });
    const addBook = (api: Client, isbn?: string) =>
      api("POST", "/api/v1/books", { body: newBook(isbn ? { isbn } : {}) });

    test("a server never runs another server's statement", async () => {
      // The servers prepare different statements first, on different connections of the pooler.
      await Promise.all(
        Array.from({ length: CONNECTIONS }, () => [addTask(node, "first"), addBook(bun)]).flat(),
      );
      const apis = Array.from({ length: 80 }, () => [node, bun]).flat();
      const tasks = apis.map(async (api, at) => ["tasks", await addTask(api, `Task ${at}`)] as const);
      const books = apis.map(async (api) => ["books", await addBook(api)] as const);
      const answers = await Promise.all([...tasks, ...books]);
      const wrong = answers.filter(
        ([kind, { headers }]) => !headers.get("Location")?.startsWith(`/api/v1/${kind}/`),
      );
      expect(wrong.map(([kind, { status, text }]) => [kind, status, text])).toEqual([]);
      const [count] = await database.sql(
        "select (select count(*) from tasks)::int as tasks, (select count(*) from books)::int as books",
      );
      expect(count).toEqual({ tasks: 160 + CONNECTIONS, books: 160 + CONNECTIONS });
    });

    test("a failing write does not affect the writes that are sent with it", async () => {
      const { json: book } = await node("POST", "/api/v1/books", { body: newBook({ stock: 1000 }) });
      const path = `/api/v1/books/${book.id}`;
      const calls = Array.from({ length: 50 }, (_, at) => {
        const isbn = isbnOf(1_000 + at + POOLERS.findIndex(([other]) => other === name) * 100);
        return [node, bun].flatMap((api) => [
          api("POST", `${path}/stock`, { body: { delta: -1 } }),
          addBook(api, isbn),
          addBook(api, isbn),
          api("PATCH", path, { body: { price: 0 } }),
          api("GET", path),
        ]);
      }).flat();
      const counts: Record<number, number> = {};
      for (const { status } of await Promise.all(calls)) counts[status] = (counts[status] ?? 0) + 1;
      expect(counts).toEqual({ 200: 200, 201: 50, 409: 150, 422: 100 });
      expect((await node("GET", path)).json.stock).toBe(900);
    });

    test("a failing batch leaves no statement prepared in the pooler alone", async () => {
      const driver = pooledDriver({ url: through(database.url), size: 1, timeout: 5000 });
      const failing = { text: "select 1 / $1::int as one", values: [0], name: `failing ${name}` };
      const behind = { text: "select $1::int as one", values: [1], name: `behind ${name}` };
      for (let time = 0; time < 3; time++) {
        await expect(driver.batch("write", [failing, behind], deadlineIn(5000))).rejects.toMatchObject({
          code: "22012",
        });
        expect(await driver.query(behind, deadlineIn(5000))).toEqual([{ one: 1 }]);
      }
      await driver.end();
    });

    test("a write with a key is executed once, however often it is sent", async () => {
      const { json: book } = await node("POST", "/api/v1/books", { body: newBook({ stock: 100 }) });
      const sell = (api: Client, key: string) =>
        api("POST", `/api/v1/books/${book.id}/stock`, {
          body: { delta: -1 },
          headers: { "Idempotency-Key": `${name} ${key}`.replaceAll(" ", "-") },
        });
      const keys = Array.from({ length: 20 }, (_, at) => `${at}`);
      await Promise.all(keys.flatMap((key) => [node, bun, node].map((api) => sell(api, key))));
      const repeated = await Promise.all(keys.flatMap((key) => [sell(node, key), sell(bun, key)]));
      const outcomes = repeated.map(({ status, headers }) => [status, headers.get("Idempotency-Replayed")]);
      expect(outcomes).toEqual(outcomes.map(() => [200, "true"]));
      expect((await node("GET", `/api/v1/books/${book.id}`)).json.stock).toBe(80);
    });

    test("listings, searches and counts work through the pooler", async () => {
      const paths = [
        "",
        "?search=dune",
        "?count=exact",
        "?count=estimated&search=dune",
        "?page=2",
        "?sort=title",
      ];
      const answers = await Promise.all(
        paths.flatMap((query) => [node, bun].map((api) => api("GET", `/api/v1/books${query}`))),
      );
      expect(answers.map(({ status, json }) => [status, json.data.length])).toEqual(
        answers.map(() => [200, 20]),
      );
    });

    test(`the servers ${settings.max_prepared_statements === 0 ? "warn" : "do not warn"} that the pooler does not support prepared statements`, () => {
      const warnings = notices().match(/does not support prepared statements/g)?.length ?? 0;
      expect(warnings, notices()).toBe(settings.max_prepared_statements === 0 ? 2 : 0);
    });

    // docs/poolers.md says so. If it changes, migrations that build indexes no longer need a direct connection.
    test("a setting of a session stays on the pooler's connection, and another client gets it", async () => {
      const clients = [1, 2].map(() => new pg.Client({ connectionString: through(database.url) }));
      const [first, second] = clients as [pg.Client, pg.Client];
      await Promise.all(clients.map((client) => client.connect()));
      const timeoutOf = async (client: pg.Client) =>
        (await client.query("select current_setting('lock_timeout') as timeout")).rows[0].timeout;
      await first.query("set lock_timeout = '7s'");
      // The connection that was used last is the first to be used again.
      await second.query("begin");
      expect([await timeoutOf(second), await timeoutOf(first)]).toEqual(["7s", "0"]);
      await second.query("reset lock_timeout; commit");
      await Promise.all(clients.map((client) => client.end()));
    });

    test.each(["lock_timeout=100", "options=-c%20lock_timeout%3D100"])(
      "PgBouncer refuses a URL with %s",
      async (parameter) => {
        const client = new pg.Client({ connectionString: `${through(database.url)}?${parameter}` });
        client.on("error", () => {});
        await expect(client.connect()).rejects.toThrow("unsupported startup parameter");
      },
    );

    test("migrations and seeds leave no state on the pooler's connections", async () => {
      await database.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");
      const url = through(database.url);
      await migrate(url);
      await seed(url, 100, () => {});
      expect(await migrate(url)).toBe(0);
      const left = `select current_setting('statement_timeout') as timeout,
        current_setting('synchronous_commit') as commit, current_setting('lock_timeout') as lock,
        (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
        pg_backend_pid() as pid, pg_sleep(0.1)::text as slept`;
      const clients = Array.from({ length: CONNECTIONS }, () => new pg.Client({ connectionString: url }));
      await Promise.all(clients.map((client) => client.connect()));
      const sessions = await Promise.all(clients.map(async (client) => (await client.query(left)).rows[0]));
      await Promise.all(clients.map((client) => client.end()));
      const [direct] = await database.sql<{ commit: string }>(
        "select current_setting('synchronous_commit') as commit",
      );
      for (const session of sessions)
        expect(session).toMatchObject({ timeout: "8s", commit: direct?.commit, lock: "0", locks: 0 });
      expect(new Set(sessions.map(({ pid }) => pid)).size).toBe(CONNECTIONS);
    });
  });
});
