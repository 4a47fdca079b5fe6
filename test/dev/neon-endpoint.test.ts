import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type NeonDbError, type NeonQueryFunction, neon, neonConfig } from "@neondatabase/serverless";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type NeonEndpoint, startNeonEndpoint } from "../../dev/neon-endpoint.ts";
import { type Postgres, startPostgres } from "../../dev/postgres.ts";

// The local Neon endpoint over a real Postgres, for Neon's driver and for other clients.

const MAX_CONNECTIONS = 4;
let place: string;
let server: Postgres;
let endpoint: NeonEndpoint;
let sql: NeonQueryFunction<false, false>;
/** Queries the server without the endpoint. */
let observer: pg.Client;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "octavo-neon-"));
  await chmod(place, 0o755);
  server = await startPostgres({ directory: place, flags: ["fsync=off"] });
  await server.createDatabase("shop");
  await server.createDatabase("other");
  observer = new pg.Client({ connectionString: server.url("shop") });
  await observer.connect();
  await observer.query(`
    create table book (
      id int primary key,
      title text constraint book_title_not_blank check (title <> ''),
      seller int constraint book_seller_fk references book deferrable initially deferred
    )`);
  endpoint = await startNeonEndpoint({ postgres: server.url("postgres"), maxConnections: MAX_CONNECTIONS });
  neonConfig.fetchEndpoint = (host, port) => `http://${host}:${port}/sql`;
  sql = neon(urlOf(endpoint, "shop"));
}, 30_000);

afterAll(async () => {
  await endpoint?.close();
  await observer?.end();
  await server?.stop();
  await rm(place, { recursive: true, force: true });
});

describe("results", () => {
  test("results have the driver's types, as over TCP", async () => {
    const query = `
      select null as nothing, true as bool, 7::int2 as small, 7 as int, 9007199254740993 as big,
             1.10::numeric(6,2) as numeric, 'NaN'::float8 as nan, 1.5::float4 as float, '' as empty,
             'É "quoted" \\ ' || chr(10) as text, '{"a":[1,null]}'::json as json, '{"b": "ü"}'::jsonb as jsonb,
             '\\x00ff'::bytea as bytea, '{1,NULL,3}'::int[] as ints, array['a,b', 'NULL', null] as texts,
             array[[1,2],[3,4]] as nested, '2026-11-20 12:00:00.123456+02'::timestamptz as instant,
             '2026-11-20'::date as day, '1 day 02:03'::interval as interval, gen_random_uuid() is null as uuid,
             row(1, 'x') as record, point(1, 2) as point`;

    const [row] = await sql.query(query);

    expect(row).toEqual((await observer.query(query)).rows[0]);
    expect(row).toMatchObject({
      big: "9007199254740993",
      numeric: "1.10",
      nothing: null,
      ints: [1, null, 3],
    });
  });

  test("parameters reach Postgres as the driver intends", async () => {
    const instant = new Date("2026-11-20T12:00:00.123Z");
    const [row] = await sql`
      select ${null}::text as nothing, ${true}::bool as bool, ${1.5}::float8 as float, ${12n}::int8 as big,
             ${"É '\" \\ \n"}::text as text, ${["a,b", 'c"d', null]}::text[] as texts, ${[[1, 2]]}::int[] as ints,
             ${{ a: [1, "ü"] }}::jsonb as json, ${Buffer.from([0, 255])} as bytea, ${instant}::timestamptz as instant`;

    expect(row).toEqual({
      nothing: null,
      bool: true,
      float: 1.5,
      big: "12",
      text: "É '\" \\ \n",
      texts: ["a,b", 'c"d', null],
      ints: [[1, 2]],
      json: { a: [1, "ü"] },
      bytea: Buffer.from([0, 255]),
      instant,
    });
  });

  test("results describe their fields completely", async () => {
    const full = await sql.query("select id, title from book where id = $1", [-1], { fullResults: true });

    const { oid } = (await observer.query("select 'book'::regclass::oid as oid")).rows[0];
    expect(full).toMatchObject({ command: "SELECT", rowCount: 0, rows: [], rowAsArray: false });
    expect(full.fields).toEqual([
      {
        name: "id",
        dataTypeID: 23,
        tableID: oid,
        columnID: 1,
        dataTypeSize: 4,
        dataTypeModifier: -1,
        format: "text",
      },
      {
        name: "title",
        dataTypeID: 25,
        tableID: oid,
        columnID: 2,
        dataTypeSize: -1,
        dataTypeModifier: -1,
        format: "text",
      },
    ]);
  });

  test.each([
    ["insert into book (id) values (101), (102)", "INSERT", 2],
    ["update book set title = 't' where id in (101, 102)", "UPDATE", 2],
    ["delete from book where id in (101, 102)", "DELETE", 2],
    ["create table if not exists book (id int)", "CREATE", null],
    ["", "", null],
  ])("results have the command and its row count: %s", async (query, command, rowCount) => {
    expect(await sql.query(query, [], { fullResults: true })).toMatchObject({
      command,
      rowCount,
      fields: [],
    });
  });

  test("results can be arrays, for composed and raw queries", async () => {
    const condition = sql`n > ${1}`;
    const order = sql.unsafe("n desc");

    const rows =
      await sql`select n, n * ${2}::int from generate_series(1, 3) n where ${condition} order by ${order}`;
    const arrays = await sql.query("select 1 as n, 2 as n", [], { arrayMode: true });

    expect(rows).toEqual([
      { n: 3, "?column?": 6 },
      { n: 2, "?column?": 4 },
    ]);
    expect(arrays).toEqual([[1, 2]]);
  });
});

describe("a transaction", () => {
  const settings = () => sql`
    select current_setting('transaction_isolation') as isolation, current_setting('transaction_read_only') as read_only,
           current_setting('transaction_deferrable') as deferrable`;

  test.each([
    [{}, { isolation: "read committed", read_only: "off", deferrable: "off" }],
    [{ isolationLevel: "ReadUncommitted" }, { isolation: "read uncommitted" }],
    [{ isolationLevel: "ReadCommitted" }, { isolation: "read committed" }],
    [{ isolationLevel: "RepeatableRead" }, { isolation: "repeatable read" }],
    [{ isolationLevel: "Serializable" }, { isolation: "serializable" }],
    [{ readOnly: true }, { read_only: "on" }],
    [{ deferrable: true }, { deferrable: "on" }],
    [
      { isolationLevel: "Serializable", readOnly: true, deferrable: true },
      { isolation: "serializable", read_only: "on", deferrable: "on" },
    ],
    [
      { readOnly: false, deferrable: false },
      { read_only: "off", deferrable: "off" },
    ],
  ] as const)("a transaction has the requested options: %o", async (options, expected) => {
    const results = await sql.transaction([sql`select 1`, settings()], options);

    expect(results[1]).toMatchObject([expected]);
  });

  test("a statement of a transaction sees the effects of earlier ones", async () => {
    const look = () => sql`
      select count(*)::int as books, pg_current_xact_id()::text as xid from book where id = 201`;
    const results = await sql.transaction([
      sql`insert into book (id) values (201)`,
      look(),
      sql`delete from book where id = 201`,
      look(),
    ]);

    const xid = expect.stringMatching(/^\d+$/);
    expect(results).toEqual([[], [{ books: 1, xid }], [], [{ books: 0, xid: results[1]?.[0]?.xid }]]);
  });

  test("a transaction with a failing statement has no effect, and returns that statement's error", async () => {
    const error = await errorOf(
      sql.transaction([
        sql`insert into book (id, title) values (301, 'kept?')`,
        sql`insert into book (id, title) values (302, '')`,
        sql`select 1 / 0`,
      ]),
    );

    expect(error).toMatchObject({ code: "23514", constraint: "book_title_not_blank" });
    expect(await sql`select from book where id > 300`).toEqual([]);
  });

  test("a transaction returns the error of its commit", async () => {
    const error = await errorOf(sql.transaction([sql`insert into book (id, seller) values (401, 9999)`]));

    expect(error).toMatchObject({ code: "23503", constraint: "book_seller_fk" });
  });

  test("a read-only transaction writes nothing", async () => {
    const error = await errorOf(
      sql.transaction([sql`insert into book (id) values (501)`], { readOnly: true }),
    );

    expect(error.code).toBe("25006");
  });
});

describe("an error of Postgres", () => {
  test.each<[string, Partial<NeonDbError>]>([
    [
      "insert into book (id, title) values (1, '')",
      {
        message: 'new row for relation "book" violates check constraint "book_title_not_blank"',
        severity: "ERROR",
        code: "23514",
        detail: "Failing row contains (1, , null).",
        schema: "public",
        table: "book",
        constraint: "book_title_not_blank",
        file: "execMain.c",
        line: expect.stringMatching(/^\d+$/),
        routine: "ExecConstraints",
      },
    ],
    ["insert into book values (null)", { code: "23502", column: "id" }],
    [
      "select titel from book",
      { code: "42703", hint: expect.stringContaining('"book.title"'), position: "8" },
    ],
    ["selec 1", { code: "42601", message: 'syntax error at or near "selec"', position: "1" }],
    [
      "select 1; select 2",
      { code: "42601", message: /cannot insert multiple commands/ as unknown as string },
    ],
    [
      "select query_to_xml('selec', true, true, '')",
      { code: "42601", internalPosition: "1", internalQuery: "selec" },
    ],
    ["do 'begin raise division_by_zero; end'", { code: "22012", where: expect.stringContaining("PL/pgSQL") }],
    ["select 'x'::int", { code: "22P02", position: "8" }],
  ])("an error of Postgres keeps all its fields: %s", async (query, expected) => {
    const { message, ...fields } = expected;
    const error = await errorOf(sql.query(query));

    expect(error).toMatchObject(fields);
    if (message) expect(error.message).toMatch(message);
  });

  test("an error of Postgres leaves other fields undefined for the driver", async () => {
    const error = await errorOf(sql`select 1 / 0`);

    expect(error).toMatchObject({
      code: "22012",
      detail: undefined,
      constraint: undefined,
      column: undefined,
    });
  });
});

describe("connections", () => {
  test("few connections serve 100 simultaneous queries", async () => {
    const rows = await Promise.all(
      Array.from(
        { length: 100 },
        (_, n) => sql`select ${n}::int as n, pg_backend_pid() as pid, pg_sleep(0.005)`,
      ),
    );

    expect(rows.map(([row]) => row?.n)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    const pids = new Set(rows.map(([row]) => row?.pid));
    expect(pids.size).toBeGreaterThan(1);
    expect(pids.size).toBeLessThanOrEqual(MAX_CONNECTIONS);
  });

  test("connections to all databases together stay within the limit", async () => {
    const other = neon(urlOf(endpoint, "other"));
    const busiest = async () => {
      const counts = await Promise.all(
        Array.from(
          { length: 20 },
          (_, n) => (n % 2 ? sql : other)`
          select current_database() as name, count(*)::int as open from pg_stat_activity, pg_sleep(0.01)
           where application_name = 'neon-endpoint'`,
        ),
      );
      expect(new Set(counts.map(([row]) => row?.name))).toEqual(new Set(["shop", "other"]));
      return Math.max(...counts.map(([row]) => row?.open));
    };

    expect(await busiest()).toBeLessThanOrEqual(MAX_CONNECTIONS);
  });

  test.each([
    ["set", "set search_path = nowhere", "show search_path", '"$user", public'],
    [
      "set_config",
      "select set_config('search_path', 'nowhere', false)",
      "show search_path",
      '"$user", public',
    ],
    ["a temporary table", "create temp table book (id int)", "select 'book'::regclass::text", "book"],
    ["select into", "select 1 as id into temporary book", "select 'book'::regclass::text", "book"],
    ["begin", "begin", "select pg_current_xact_id_if_assigned()::text is null", true],
    ["prepare", "prepare kept as select 1", "select count(*)::int from pg_prepared_statements", 0],
    ["listen", "listen kept", "select count(*)::int from pg_listening_channels()", 0],
    [
      "a lock",
      "select pg_advisory_lock(1)",
      "select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
      0,
    ],
  ])("a connection is reset for the next request: %s", async (_, first, then, expected) => {
    const own = await startNeonEndpoint({ postgres: server.url("postgres"), maxConnections: 1 });
    onTestFinished(() => own.close());
    const single = neon(urlOf(own, "shop"), { arrayMode: true });

    await single.query(first);

    expect(await single.query(then)).toEqual([[expected]]);
  });

  test("connections are reused, after errors too", async () => {
    const own = await startNeonEndpoint({ postgres: server.url("postgres"), maxConnections: 1 });
    onTestFinished(() => own.close());
    const single = neon(urlOf(own, "shop"));
    const pid = async () => (await single`select pg_backend_pid() as pid`)[0]?.pid;

    const first = await pid();
    await errorOf(single`select 1 / 0`);
    await errorOf(single.transaction([single`select 1 / 0`]));

    expect(await pid()).toBe(first);
  });

  test("a connection that breaks fails its query, and is replaced", async () => {
    const error = await errorOf(sql`select pg_terminate_backend(pg_backend_pid())`);

    expect(error.code).toBe("57P01");
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("a connection that breaks while idle is replaced", async () => {
    await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => sql`select pg_sleep(0.01)`));

    await observer.query(
      "select pg_terminate_backend(pid, 1000) from pg_stat_activity where application_name = 'neon-endpoint'",
    );

    await sleep(50);
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("the endpoint responds if there is no server", async () => {
    const nowhere = new URL(server.url("postgres"));
    nowhere.port = "1";
    const own = await startNeonEndpoint({ postgres: nowhere.href });
    onTestFinished(() => own.close());

    const error = await errorOf(neon(urlOf(own, "shop"))`select 1`);

    expect(error.message).toMatch(/HTTP status 500.+error connecting to server/);
  });

  test("the endpoint returns the server's error if the database does not exist", async () => {
    const answer = await post('{"query":"select 1"}', {
      "neon-connection-string": urlOf(endpoint, "nowhere"),
    });

    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ code: "3D000" });
  });
});

describe("a client that goes away", () => {
  const running = async (marker: string) => {
    const { rows } = await observer.query(
      "select 1 from pg_stat_activity where state <> 'idle' and query like $1 and pid <> pg_backend_pid()",
      [`%${marker}%`],
    );
    return rows.length;
  };

  test("the query of a client that disconnects is cancelled, and never the next query", async () => {
    const own = await startNeonEndpoint({ postgres: server.url("postgres"), maxConnections: 1 });
    onTestFinished(() => own.close());
    const single = neon(urlOf(own, "shop"));
    const before = await single`select pg_backend_pid() as pid`;
    const gone = new AbortController();
    const options = { fetchOptions: { signal: gone.signal } };
    const query = errorOf(single.query("select pg_sleep(60) as left_alone", [], options));
    await eventually(async () => expect(await running("left_alone")).toBe(1));

    gone.abort();
    await query;

    await eventually(async () => expect(await running("left_alone")).toBe(0));
    expect(await single`select pg_backend_pid() as pid`).not.toEqual(before);
  });

  test("the transaction of a client that disconnects is rolled back", async () => {
    const gone = new AbortController();
    const transaction = errorOf(
      sql.transaction([sql`insert into book (id) values (601)`, sql`select pg_sleep(60) as left_behind`], {
        fetchOptions: { signal: gone.signal },
      }),
    );
    await eventually(async () => expect(await running("left_behind")).toBe(1));

    gone.abort();
    await transaction;

    await eventually(async () => expect(await running("left_behind")).toBe(0));
    expect(await sql`select from book where id = 601`).toEqual([]);
  });

  test("the query of a client that disconnects is not run if it still waits for a connection", async () => {
    const holders = Array.from({ length: MAX_CONNECTIONS }, () => sql`select pg_sleep(0.5) as holder`);
    const held = Promise.all(holders);
    await eventually(async () => expect(await running("holder")).toBe(MAX_CONNECTIONS));
    const gone = new AbortController();
    const options = { fetchOptions: { signal: gone.signal } };
    const query = errorOf(sql.query("insert into book (id) values (701)", [], options));
    setTimeout(() => gone.abort(), 100);

    await query;
    await held;

    expect(await sql`select from book where id = 701`).toEqual([]);
  });

  test("a client that disconnects frees its connection soon, even if the server does not react", async () => {
    const own = await startNeonEndpoint({ postgres: server.url("postgres"), maxConnections: 1 });
    onTestFinished(() => own.close());
    const single = neon(urlOf(own, "shop"));
    const pid: number = (await single`select pg_backend_pid() as pid`)[0]?.pid;
    const gone = new AbortController();
    const options = { fetchOptions: { signal: gone.signal } };
    const query = errorOf(single.query("select pg_sleep(60) as frozen", [], options));
    await eventually(async () => expect(await running("frozen")).toBe(1));
    process.kill(pid, "SIGSTOP");
    onTestFinished(() => void process.kill(pid, "SIGCONT"));

    gone.abort();
    await query;

    expect(await single`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("a client that disconnects within its body affects no other", async () => {
    const socket = connect(Number(new URL(endpoint.url).port), "127.0.0.1");
    const headers = `host: localhost\r\nneon-connection-string: ${urlOf(endpoint, "shop")}\r\ncontent-length: 99`;
    socket.write(`POST /sql HTTP/1.1\r\n${headers}\r\n\r\n{"query"`, () => socket.destroy());
    await once(socket, "close");

    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });
});

describe("closing the endpoint", () => {
  test("closing the endpoint cancels running queries and closes all connections", async () => {
    const own = await startNeonEndpoint({ postgres: server.url("postgres") });
    const other = neon(urlOf(own, "other"));
    await Promise.all([other`select pg_sleep(0.2) as closing`, other`select pg_sleep(0.2) as closing`]);
    const query = errorOf(other`select pg_sleep(60) as closing`);
    const connections = async () => {
      const { rows } = await observer.query(
        "select query from pg_stat_activity where query like '%as closing'",
      );
      return rows.length;
    };
    await eventually(async () => expect(await connections()).toBe(2));

    await own.close();

    // Postgres ends the sessions of closed connections a moment later.
    await eventually(async () => expect(await connections()).toBe(0));
    expect((await query).message).toContain("Error connecting to database");
  });
});

describe("access to the endpoint", () => {
  const credentials = (change: (url: URL) => void) => () => {
    const url = new URL(urlOf(endpoint, "shop"));
    change(url);
    return url.href;
  };

  test.each<[string, () => string | undefined, string]>([
    ["no connection string", () => undefined, "invalid header: neon-connection-string"],
    ["no URL", () => "shop", "invalid connection string: Invalid URL"],
    ["a broken escape", () => "postgres://%E0%A4%A:x@h/shop", "invalid connection string: URI malformed"],
    ["another scheme", () => urlOf(endpoint, "shop").replace("postgres:", "mysql:"), "incorrect scheme"],
    ["no database", credentials((url) => (url.pathname = "")), "missing database name"],
    ["no user", credentials((url) => (url.username = "")), "missing username"],
    [
      "no password",
      credentials((url) => (url.password = "")),
      "missing authentication credentials: required password",
    ],
    [
      "a wrong password",
      credentials((url) => (url.password = "guess")),
      "password authentication failed for user 'octavo'",
    ],
    [
      "a wrong user",
      credentials((url) => (url.username = "postgres")),
      "password authentication failed for user 'postgres'",
    ],
  ])("a client without access gets Neon's error alone: %s", async (_, connectionString, message) => {
    const answer = await post('{"query":"select 1"}', { "neon-connection-string": connectionString() });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ message, code: null, severity: null });
  });

  test("a client without access gets the same error from the driver", async () => {
    const url = urlOf(endpoint, "shop").replace(server.password, "guess");

    const error = await errorOf(neon(url)`select 1`);

    expect(error).toMatchObject({
      name: "NeonDbError",
      message: "password authentication failed for user 'octavo'",
    });
  });

  test("a web page gets no access, by preflight or by response", async () => {
    const page = { origin: "https://page.example" };
    const preflightHeaders = {
      ...page,
      "access-control-request-method": "POST",
      "access-control-request-headers": "neon-connection-string",
    };

    const preflight = await send({ method: "OPTIONS", headers: preflightHeaders });
    const answer = await post('{"query":"select 1"}', page);

    expect(preflight.status).toBe(405);
    for (const { headers } of [preflight, answer]) {
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test.each([
    ["page.example", 403],
    ["page.example:54330", 403],
    ["127.0.0.1.page.example", 403],
    ["not-localhost", 403],
    ["localhost", 200],
    ["LOCALHOST:80", 200],
    ["[::1]:80", 200],
  ])("a request with the Host %s returns %i", async (host, status) => {
    expect(await post('{"query":"select 1"}', { host })).toMatchObject({ status });
  });
});

describe("an invalid request", () => {
  const large = `{"query":"select ${"1".repeat(10 * 1024 * 1024)}"}`;

  test.each<
    [
      string,
      { body?: string; method?: string; path?: string; headers?: Record<string, string> },
      number,
      string,
    ]
  >([
    ["no JSON", { body: "select 1" }, 400, "could not parse the HTTP request body: it is not JSON"],
    ["no body", { body: "" }, 400, "it is not JSON"],
    ["null", { body: "null" }, 400, "expected {"],
    ["a list", { body: "[]" }, 400, "expected {"],
    ["no query", { body: '{"params":[]}' }, 400, "expected {"],
    ["a query that is no text", { body: '{"query":1}' }, 400, "expected {"],
    ["params that are no list", { body: '{"query":"select 1","params":{}}' }, 400, "expected {"],
    ["queries that are no list", { body: '{"queries":{}}' }, 400, "expected {"],
    ["a bad one of several queries", { body: '{"queries":[{"query":"select 1"},{}]}' }, 400, "expected {"],
    [
      "an unknown isolation level",
      { headers: { "neon-batch-isolation-level": "toString" } },
      400,
      "invalid isolation level",
    ],
    [
      "too few params",
      { body: '{"query":"select $1::int + $2","params":[1]}' },
      400,
      "bind message supplies 1",
    ],
    ["a zero byte in the query", { body: '{"query":"select \\u00001"}' }, 400, "message"],
    ["a zero byte in a param", { body: '{"query":"select $1","params":["\\u0000"]}' }, 400, "0x00"],
    ["COPY", { body: '{"query":"copy book from stdin"}' }, 400, "COPY"],
    ["a body over 10 MiB", { body: large }, 413, "request is too large (max is 10485760 bytes)"],
    [
      "a body over 10 MiB in chunks",
      { body: large, headers: { "transfer-encoding": "chunked" } },
      413,
      "request is too large",
    ],
    [
      "an answer over 10 MiB",
      { body: `{"query":"select repeat('x', 1024 * 1024) from generate_series(1, 11)"}` },
      507,
      "response is too large (max is 10485760 bytes)",
    ],
    ["another path", { path: "/" }, 404, "the only path is /sql"],
    ["another method", { method: "GET", body: "" }, 405, "by POST"],
  ])(
    "the message explains an invalid request: %s",
    async (_, { body = '{"query":"select 1"}', ...rest }, status, message) => {
      const answer = await post(body, {}, rest);

      expect(answer).toMatchObject({ status, body: { message: expect.stringContaining(message) } });
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
    },
  );
});

describe("a client other than the driver", () => {
  const query = `select 1 as n, 8::int8 as big, 'a' as s, true as b, 1.5::float8 as f, 'NaN'::float8 as nan,
    '{1,null}'::int4[] as list, '{"a": [1]}'::jsonb as json, null as nothing, '2026-11-20'::date as day`;

  test.each([
    [
      {},
      [
        {
          n: 1,
          big: "8",
          s: "a",
          b: true,
          f: 1.5,
          nan: "NaN",
          list: [1, null],
          json: { a: [1] },
          nothing: null,
          day: "2026-11-20",
        },
      ],
    ],
    [
      { "neon-array-mode": "true" },
      [[1, "8", "a", true, 1.5, "NaN", [1, null], { a: [1] }, null, "2026-11-20"]],
    ],
    [
      { "neon-array-mode": "true", "neon-raw-text-output": "true" },
      [["1", "8", "a", "t", "1.5", "NaN", "{1,NULL}", '{"a": [1]}', null, "2026-11-20"]],
    ],
  ])("another client gets rows in the requested form: %o", async (headers, rows) => {
    const answer = await post(JSON.stringify({ query }), headers);

    expect(answer).toMatchObject({ status: 200, body: { rows, rowAsArray: "neon-array-mode" in headers } });
  });

  test("another client can send parameters as JSON values", async () => {
    const params = [1, 1.5, true, null, "é", [1, null, 2], ["a,b", '"'], { a: 1 }, [{ b: 2 }]];
    const casts = ["int", "float8", "bool", "text", "text", "int[]", "text[]", "jsonb", "jsonb[]"];
    const list = casts.map((type, n) => `$${n + 1}::${type} as "${n}"`).join();

    const answer = await post(JSON.stringify({ query: `select ${list}`, params }), {
      "neon-array-mode": "true",
    });

    expect(answer.body).toMatchObject({ rows: [params] });
  });

  test("another client can choose the form of each query of a transaction, and gets its options back", async () => {
    const queries = [
      { query: "select $1 as answer", params: [42], arrayMode: true },
      { query: "show transaction_isolation", arrayMode: false },
      { query: "select 'default' as form" },
    ];
    const modes = {
      "neon-batch-isolation-level": "Serializable",
      "neon-batch-read-only": "true",
      "neon-batch-deferrable": "false",
    };

    const answer = await post(JSON.stringify({ queries }), modes);

    expect(answer.body).toMatchObject({
      results: [
        { rows: [["42"]] },
        { rows: [{ transaction_isolation: "serializable" }] },
        { rows: [{ form: "default" }] },
      ],
    });
    expect(answer.headers).toMatchObject({
      "neon-batch-isolation-level": "Serializable",
      "neon-batch-read-only": "true",
    });
    expect(answer.headers).not.toHaveProperty("neon-batch-deferrable");
  });
});

function eventually(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 10_000 });
}

/** A connection string whose host is the endpoint. */
function urlOf({ url }: NeonEndpoint, database: string): string {
  return server.url(database).replace(`127.0.0.1:${server.port}`, new URL(url).host);
}

async function errorOf(query: PromiseLike<unknown>): Promise<NeonDbError> {
  return await query.then(
    () => expect.fail("the query did not fail"),
    (error: NeonDbError) => error,
  );
}

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: unknown;
}

function post(
  body: string,
  headers: Record<string, string | undefined>,
  rest: { method?: string; path?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const all = { "neon-connection-string": urlOf(endpoint, "shop"), ...headers, ...rest.headers };
  return send({ method: "POST", ...rest, headers: all }, body);
}

/** Sends a request with node:http, because `fetch` cannot set Host and Origin. */
async function send(
  options: { method: string; path?: string; headers: Record<string, string | undefined> },
  body = "",
): Promise<Answer> {
  const headers = Object.fromEntries(
    Object.entries(options.headers).filter(([, value]) => value !== undefined),
  );
  const outgoing = request(endpoint.url, { path: "/sql", ...options, headers, agent: false });
  outgoing.end(body);
  const [incoming] = await once(outgoing, "response");
  const text = (await incoming.setEncoding("utf8").toArray()).join("");
  return { status: incoming.statusCode, headers: incoming.headers, body: JSON.parse(text) };
}
