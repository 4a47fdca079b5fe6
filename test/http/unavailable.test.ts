/** Transient database faults, caused for real on each runtime: each returns 503, and its reason is logged. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, type Options } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer, type TestServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const PATIENCE = { timeout: 20_000 };
/** SQLSTATEs by the problem that a client receives. */
const CODES = {
  database_unavailable: ["08006", "25006", "40001", "40P01", "53200", "55P03", "57014", "57P05", "58030"],
  internal_error: ["0A000", "22012", "23514", "42601", "54001", "P0001", "XX000"],
};
const MISSING = "00000000-0000-7000-8000-000000000000";

/** Requests that query the database in different ways. */
const KINDS: [method: string, path: string, options?: Options][] = [
  ["GET", "/api/v1/books"],
  ["GET", "/api/v1/books?search=dune"],
  ["GET", "/api/v1/books?count=exact"],
  ["GET", `/api/v1/books/${MISSING}`],
  ["POST", "/api/v1/tasks", { body: { title: "Dust" } }],
  ["POST", "/api/v1/tasks", { body: { title: "Dust" }, headers: { "Idempotency-Key": "late" } }],
  ["DELETE", `/api/v1/tasks/${MISSING}`],
];

describe.each(RUNTIMES)("%s", (runtime) => {
  let database: TestDatabase;
  let server: TestServer;
  let api: Client;
  let token: string;
  let path: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    // Postgres detects deadlocks at once, checks serialisation, and has no statement timeout.
    await database.alter("set deadlock_timeout = '10ms'");
    await database.alter("set default_transaction_isolation = 'repeatable read'");
    await database.alter("set statement_timeout = 0");
    server = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    token = await tokenFor("admin");
    api = await createClient(server.url, token);
    path = (await api("POST", "/api/v1/books", { body: newBook() })).headers.get("Location") as string;
  });

  const id = () => path.split("/").at(-1);
  const stock = async () => (await api("GET", path)).json.stock;
  const sell = (options: Options = {}) => api("POST", `${path}/stock`, { body: { delta: -1 }, ...options });
  const waiting = (sessions: number) =>
    expect.poll(database.waiting, { ...PATIENCE, message: "sessions that wait for a lock" }).toBe(sessions);

  /** The reason in the log why a request failed. */
  async function reasonOf({ logs }: TestServer, { headers }: Answer): Promise<string> {
    const find = () => logs().filter((line) => line.includes(headers.get("X-Request-Id") as string));
    await expect.poll(find, PATIENCE).toHaveLength(1);
    return JSON.stringify(JSON.parse(find()[0] as string).error);
  }

  function expectUnavailable({ status, json, headers, text }: Answer): void {
    expect([status, json.error, headers.get("Retry-After")]).toEqual([503, "database_unavailable", "1"]);
    expect(text).not.toMatch(
      /select|update|insert|postgres|neon|fetch|timeout|abort|deadlock|serializ|\.js/i,
    );
  }

  test("a deadlock returns 503, and the change succeeds when repeated", async () => {
    const before = await stock();
    const release = await database.hold("select from books where id = $1 for update", [id()]);
    const other = await database.connect();
    onTestFinished(() => other.end());
    // This session never detects the deadlock. The deadlock is complete once the sale has locked the book.
    await other.query(
      "begin; set local deadlock_timeout = '1h'; lock table stock_movements in exclusive mode",
    );
    const sale = sell();
    await waiting(1);
    const theirs = other.query("select from books where id = $1 for update", [id()]);
    await waiting(2);
    await release();
    const refused = await sale;
    await theirs;
    await other.query("rollback");
    expectUnavailable(refused);
    expect(await reasonOf(server, refused)).toContain('"40P01"');
    expect((await sell()).json.stock).toBe(before - 1);
  });

  test("a serialisation failure returns 503, and the change succeeds when repeated", async () => {
    const change = () => api("PATCH", path, { body: { title: "Ours" } });
    const release = await database.hold("update books set author = 'Theirs' where id = $1", [id()]);
    const answer = change();
    await waiting(1);
    await release();
    const refused = await answer;
    expectUnavailable(refused);
    expect(await reasonOf(server, refused)).toContain('"40001"');
    expect((await change()).json).toMatchObject({ title: "Ours", author: "Theirs" });
  });

  test("a request with a key sees the transaction it waited for, whatever the database's default isolation", async () => {
    const before = await stock();
    const release = await database.hold("update books set stock = stock + 5 where id = $1", [id()]);
    const sale = sell({ headers: { "Idempotency-Key": "waiting" } });
    await waiting(1);
    await release();
    const { status, json } = await sale;
    expect([status, json.stock]).toEqual([200, before + 4]);
  });

  test("an error's SQLSTATE decides its response", async () => {
    await database.sql(`
      create function fail() returns trigger language plpgsql as $$
        begin raise 'as requested' using errcode = substr(new.title, 6); end
      $$;
      create trigger fail before insert on tasks for each row when (new.title like 'fail %') execute function fail()
    `);
    for (const [error, codes] of Object.entries(CODES)) {
      for (const code of codes) {
        // The test client fails on a 500.
        const response = await fetch(`${server.url}/api/v1/tasks`, {
          method: "POST",
          headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
          body: JSON.stringify({ title: `fail ${code}` }),
        });
        expect([code, await response.json()]).toMatchObject([code, { error }]);
      }
    }
  });

  test("a request returns 503 at its deadline if nothing else ends it", async () => {
    const variables = { AUTH_SECRET: SECRET, REQUEST_TIMEOUT_MS: "500" };
    const server = await startServer(runtime, database, variables);
    const client = await createClient(server.url, token);
    await database.hold("lock table books, tasks in access exclusive mode");
    await Promise.all(
      KINDS.map(async ([method, path, options]) => {
        const answer = await Promise.race([client(method, path, options), sleep(PATIENCE.timeout)]);
        if (!answer) throw new Error(`No answer to ${method} ${path}: its time has no end.`);
        expectUnavailable(answer);
        expect(await reasonOf(server, answer), `${method} ${path}`).toMatch(/LateError|TimeoutError/);
      }),
    );
  });
});
