/** `npm run doctor`: what it finds in the database. */
import { createServer as createTcpServer } from "node:net";
import { beforeAll, expect, test } from "vitest";
import { examineActivity } from "../../ops/doctor/activity.ts";
import { migrate } from "../../ops/migrations.ts";
import { NEWEST_MIGRATION } from "../../src/db/requirements.ts";
import { createRole, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { examine, goodServer, of, type Variables } from "../support/doctor.ts";
import { atEnd } from "../support/end.ts";
import { NO_POOLER, startPooler } from "../support/pooler.ts";
import { listening } from "../support/port.ts";
import { SECRET } from "../support/token.ts";

let database: TestDatabase;
let variables: Variables;

beforeAll(async () => {
  ({ database, variables } = await goodServer());
});

const name = (of: TestDatabase) => new URL(of.url).pathname.slice(1);

const urlWith = (changes: Partial<URL>) => Object.assign(new URL(database.url), changes).href;

test.each<[string, () => Partial<URL>, RegExp]>([
  ["is away", () => ({ port: "1" }), /^Start Postgres there/],
  ["has a host without an address", () => ({ hostname: "db.invalid" }), /host|resolve names/],
  ["rejects the password", () => ({ password: "hidden" }), /^Correct the user and the password/],
  ["does not exist", () => ({ pathname: "/nowhere" }), /^Create the database/],
])("a database that %s is a fault", async (_, changes, remedy) => {
  const report = await examine({ ...variables, CURSOR_KEY: SECRET, DATABASE_URL: urlWith(changes()) });
  expect(of(report, "connection")).toMatchObject([
    { status: "fault", remedy: expect.stringMatching(remedy) },
  ]);
});

test("a server that accepts connections and says nothing is a fault within seconds", async () => {
  const port = await listening(createTcpServer(() => {}));
  const report = await examine({ ...variables, DATABASE_URL: urlWith({ port: `${port}` }) });
  expect(of(report, "connection")).toMatchObject([{ status: "fault" }]);
});

test("a role without rights is a fault, which the grant mends", async () => {
  const other = await createRole(database);
  const given = { ...variables, DATABASE_URL: other.url };
  const [finding] = of(await examine(given), "migrations");
  const grant = `npm run db:migrate -- --grant ${other.role}`;
  expect(finding).toMatchObject({ status: "fault", remedy: expect.stringContaining(grant) });
  const [rights] = of(await examine(given), "rights");
  expect(rights).toMatchObject({
    status: "fault",
    message: expect.stringContaining("books (delete, insert, select, update)"),
  });
  await migrate(database.url, { grantTo: other.role });
  expect(await examine(given)).toMatchObject({ faults: 0 });
});

test.each([
  ["update", "tasks"],
  ["select", "book_feed"],
])("a right to %s %s that is missing is named", async (right, table) => {
  const own = await goodServer();
  await own.database.sql(`revoke ${right} on ${table} from ${own.role}`);
  expect(of(await examine(own.variables), "rights")).toMatchObject([
    { status: "fault", message: `The role ${own.role} lacks rights: ${table} (${right}).` },
  ]);
});

test("a superuser as the role of the app is a warning", async () => {
  const report = await examine({ ...variables, DATABASE_URL: database.url });
  expect(of(report, "rights")).toMatchObject([{ status: "warning" }]);
  expect(of(report, "transactions")).toMatchObject([{ status: "ok" }]);
  expect(report.code).toBe(0);
});

test("pending migrations are a fault that names them, and those of a later version are fine", async () => {
  const own = await goodServer();
  const change = "update drizzle.__drizzle_migrations set created_at = $2 where created_at = $1";
  await own.database.sql(change, [NEWEST_MIGRATION, 0]);
  expect(of(await examine(own.variables), "migrations")).toMatchObject([
    {
      status: "fault",
      message: expect.stringMatching(/^1 migration pending: \w+\.$/),
      remedy: "npm run db:migrate",
    },
  ]);
  await own.database.sql(change, [0, NEWEST_MIGRATION + 1]);
  expect(of(await examine(own.variables), "migrations")).toMatchObject([{ status: "ok" }]);
});

test("an empty database is a fault", async () => {
  const empty = await createTestDatabase();
  await empty.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");
  const report = await examine({ ...variables, DATABASE_URL: empty.url });
  expect(of(report, "migrations")).toMatchObject([{ status: "fault", remedy: "npm run db:migrate" }]);
});

test("a database in another encoding is a fault", async () => {
  const latin = `latin_${name(database)}`;
  await database.sql(
    `create database ${latin} template template0 encoding latin1 locale_provider libc locale 'C'`,
  );
  atEnd(() => database.sql(`drop database ${latin}`));
  const report = await examine({ ...variables, DATABASE_URL: urlWith({ pathname: `/${latin}` }) });
  expect(of(report, "encoding")).toMatchObject([{ status: "fault" }]);
  expect(of(report, "ctype")).toMatchObject([{ status: "warning" }]);
});

test("what a restore leaves is told: no statement_timeout, and a feed of another cluster", async () => {
  const own = await goodServer();
  await own.database.sql(`alter database ${name(own.database)} reset statement_timeout`);
  await own.database.sql("update book_feed set cluster = cluster + 1");
  const report = await examine(own.variables);
  expect(of(report, "statement_timeout")).toMatchObject([
    { status: "warning", remedy: "npm run db:migrate" },
  ]);
  expect(of(report, "feed")).toMatchObject([{ status: "fault", remedy: "npm run db:migrate" }]);
  await migrate(own.database.url);
  expect(await examine(own.variables)).toMatchObject({ faults: 0, warnings: 0 });
});

test("a statement_timeout beyond the deadline is a warning, with the statement that mends it", async () => {
  const own = await goodServer();
  const given = { ...own.variables, REQUEST_TIMEOUT_MS: "2000" };
  const [finding] = of(await examine(given), "statement_timeout");
  expect(finding).toMatchObject({ status: "warning" });
  await own.database.sql(`${finding?.remedy}`);
  expect(await examine(given)).toMatchObject({ warnings: 0 });
});

test("a transaction that stays open is a warning that names its session", async () => {
  await database.hold("select 1");
  const client = await database.connect();
  const [session] = await database.sql<{ pid: number }>(
    "select pid from pg_stat_activity where datname = current_database() and state = 'idle in transaction'",
  );
  expect(await examineActivity(client, 0)).toMatchObject({
    status: "warning",
    remedy: `End it: select pg_terminate_backend(${session?.pid})`,
  });
  expect(await examineActivity(client)).toMatchObject({ status: "ok" });
  await client.end();
});

test.skipIf(NO_POOLER)(`a pooler in front is told (${NO_POOLER ?? "PgBouncer"})`, async () => {
  for (const [size, status] of [
    [0, "warning"],
    [100, "ok"],
  ] as const) {
    const { through } = await startPooler({ max_prepared_statements: size, default_pool_size: 1 });
    const report = await examine({ ...variables, DATABASE_URL: through(database.url) });
    expect(of(report, "pooler")).toMatchObject([{ status, message: expect.stringContaining("pooler") }]);
  }
});
