/** The app as a role with the privileges of `db:migrate --grant`, and no others. */
import { Client as Connection } from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { startNeonEndpoint } from "../../dev/neon-endpoint.ts";
import { migrate } from "../../ops/migrations.ts";
import { grantPrivileges } from "../../ops/privileges.ts";
import { type Client, createClient } from "../support/client.ts";
import { createRole, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { goodRequest, operationsOf } from "../support/requests.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

describe.each(RUNTIMES)("%s", (runtime) => {
  let database: TestDatabase;
  let api: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    const { role, url } = await createRole(database);
    await migrate(database.url, { grantTo: role });
    const endpoint = await startNeonEndpoint({ postgres: url });
    atEnd(() => endpoint.close());
    const server = await startServer(runtime, database, {
      DATABASE_URL: url,
      NEON_FETCH_ENDPOINT: endpoint.url,
      AUTH_SECRET: SECRET,
    });
    api = await createClient(server.url, await tokenFor("admin"));
  });

  test("a granted role can run every operation of the API", async () => {
    for (const operation of operationsOf((await api("GET", "/openapi.json")).json)) {
      const keyed = operation.keyed ? [{ "Idempotency-Key": operation.path }] : [];
      for (const headers of [{}, ...keyed]) {
        const { path, body } = await goodRequest(operation, api);
        const { status, text } = await api(operation.method, path, { body, headers });
        expect(status, `${operation.name}: ${text}`).toBeLessThan(300);
      }
    }
    for (const query of ["search=dune", "count=exact", "count=estimated", "page=1"]) {
      expect((await api("GET", `/api/v1/books?${query}`)).status).toBe(200);
    }
  });
});

test.each([
  "insert into stock_movements (book_id, delta, stock_after) select id, 1, 1 from books",
  "update stock_movements set delta = 1",
  "delete from stock_movements",
  "truncate stock_movements",
  "alter table books disable trigger books_movement",
  "set session_replication_role = replica",
  "alter table books add column own int",
  "create table own (id int)",
  "drop function octavo_record_movement cascade",
  "update drizzle.__drizzle_migrations set created_at = 0",
  "copy books to program 'cat'",
  "copy books from '/etc/passwd'",
])("a granted role cannot run: %s", async (statement) => {
  const database = await createTestDatabase();
  const { role, url } = await createRole(database);
  await migrate(database.url, { grantTo: role });
  const client = new Connection({ connectionString: url });
  await client.connect();
  await expect(client.query(statement)).rejects.toMatchObject({ code: "42501" });
  await client.end();
});

test("simultaneous grants to several roles all succeed", async () => {
  const database = await createTestDatabase();
  const grants = Array.from({ length: 4 }, async () => {
    const { role } = await createRole(database);
    const client = await database.connect();
    for (let time = 0; time < 10; time++) await grantPrivileges(client, role);
    await client.end();
  });
  await Promise.all(grants);
});
