/**
 * Idempotency-Key: a request takes effect once, and its response is repeated, whatever happens meanwhile and wherever a
 * connection to the client or the database breaks.
 */
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Saboteur, startSaboteur } from "../support/proxy.ts";
import { goodRequest, operationsOf } from "../support/requests.ts";
import { databaseOf, RUNTIMES, startServer, type TestServer } from "../support/servers.ts";

const AUTH_SECRET = "the secret of the idempotency tests";
const PATIENCE = { timeout: 20_000 };
const MISSING = "00000000-0000-7000-8000-000000000000";

let api: Client;
let database: TestDatabase;
let server: TestServer;
let admin: string;

async function bearer(claims: Record<string, unknown>): Promise<string> {
  const token = new SignJWT({ roles: ["admin"], ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("1h");
  return `Bearer ${await token.sign(new TextEncoder().encode(AUTH_SECRET))}`;
}

interface Sent {
  key?: string;
  token?: string;
  raw?: string;
  client?: Client;
}

const post = (
  path: string,
  body: unknown,
  { key, token = admin, raw = JSON.stringify(body), client = api }: Sent = {},
) =>
  client("POST", path, {
    raw,
    headers: {
      Authorization: token,
      "Content-Type": "application/json",
      ...(key !== undefined && { "Idempotency-Key": key }),
    },
  });

const get = (path: string) => api("GET", path, { headers: { Authorization: admin } });
const newKey = () => crypto.randomUUID();

async function create(path: string, body: unknown): Promise<Record<string, string>> {
  const { status, json } = await post(path, body);
  expect(status).toBe(201);
  return json;
}

const adjusted = async (id: string) =>
  (await get(`/api/v1/books/${id}/stock/movements`)).json.data.length - 1;

/** A request that can be sent, and the number of times it took effect. */
interface Prepared {
  path: string;
  body: Record<string, unknown>;
  effects(): Promise<number>;
}

interface Operation {
  name: string;
  /** The table that it writes to. */
  table: string;
  prepare(): Promise<Prepared>;
  /** The status when the request takes effect, and when it is sent again with another key. */
  success: number;
  again: number;
}

/** Operations that take a key: one that can conflict, one that cannot, and one on an existing resource. */
const OPERATIONS: Operation[] = [
  {
    name: "createBook",
    table: "books",
    async prepare() {
      const body = newBook({ title: 'Émile "quoted" \\ 𝔸', description: "a\u2028\nb" });
      const effects = async () => (await get(`/api/v1/books?isbn=${body.isbn}`)).json.data.length;
      return { path: "/api/v1/books", body, effects };
    },
    success: 201,
    again: 409,
  },
  {
    name: "createTask",
    table: "tasks",
    async prepare() {
      const title = `Dust ${newKey()}`;
      const effects = async () => (await database.sql("select from tasks where title = $1", [title])).length;
      return { path: "/api/v1/tasks", body: { title }, effects };
    },
    success: 201,
    again: 201,
  },
  {
    name: "adjustStock",
    table: "books",
    async prepare() {
      const { id = "" } = await create("/api/v1/books", newBook({ stock: 100 }));
      const body = { delta: -1, reason: "sale" };
      return { path: `/api/v1/books/${id}/stock`, body, effects: () => adjusted(id) };
    },
    success: 200,
    again: 200,
  },
];

/** The book or task that an operation wrote. */
const resourceOf = (path: string, { json }: Answer) => `${path.replace(/\/[^/]+\/stock$/, "")}/${json.id}`;

/** What the app sends to its database for a request with a key, in order, and the fractions of the response that arrive. */
const EXCHANGES = {
  // workerd waits for the rest of an interrupted body until the request's deadline.
  http: { sent: ["POST /", "select set_config", "with earlier"], shares: [0] },
  postgres: { sent: ["begin", "select set_config", "with earlier", "commit\0"], shares: [0, 0.5] },
} as const;

/** Parses a response from the wire, one character per byte. */
function parsed(answer: string): WireAnswer {
  const [head = "", body = ""] = answer.split(/\r\n\r\n(.*)/s);
  const [line = "", ...fields] = head.split("\r\n");
  return {
    status: Number(line.split(" ")[1]),
    headers: new Headers(fields.map((field) => field.split(/: (.*)/, 2) as [string, string])),
    text: Buffer.from(body, "latin1").toString(),
  };
}

type WireAnswer = Pick<Answer, "status" | "headers" | "text">;

/** The parts of a response that a replay repeats. */
function content({ status, headers, text }: WireAnswer) {
  const names = ["Content-Type", "ETag", "Location", "Cache-Control"];
  return { status, text, headers: names.map((name) => headers.get(name)) };
}

const isReplay = ({ headers }: Answer) => headers.get("Idempotency-Replayed") === "true";
const REPLAYED = "it is a replay";

function expectReplay(answer: Answer, of: Answer) {
  expect(content(answer)).toEqual(content(of));
  expect(isReplay(answer), REPLAYED).toBe(true);
}

function expectProblem({ status, json, headers }: Answer, expected: [status: number, error: string]) {
  expect([status, json.error]).toEqual(expected);
  expect(headers.has("Idempotency-Replayed"), REPLAYED).toBe(false);
}

describe.each(RUNTIMES)("%s", (runtime) => {
  /** Proxies in front of the database and of the server. */
  let behind: Saboteur;
  let before: Saboteur;

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await bearer({ sub: "admin" });
    const { variable, url, protocol } = databaseOf(runtime, database);
    behind = await startSaboteur(url, protocol);
    // The Neon endpoint has as many connections.
    const variables = { AUTH_SECRET, DATABASE_POOL_SIZE: "40", [variable]: behind.url };
    server = await startServer(runtime, database, variables);
    before = await startSaboteur(server.url, "http");
    api = await createClient(server.url);
  });

  test("every POST that takes a key replays its response", async () => {
    const operations = operationsOf((await api("GET", "/openapi.json")).json);
    for (const operation of operations.filter(({ keyed }) => keyed)) {
      const { path, body } = await goodRequest(operation, (_, path, { body }) => post(path, body));
      const key = newKey();
      const first = await post(path, body, { key });
      expectReplay(await post(path, body, { key }), first);
    }
  });

  describe.each(OPERATIONS)("$name", ({ table, prepare, success, again }) => {
    test("a repeated request returns the same response, and has no further effect", async () => {
      const { path, body, effects } = await prepare();
      const key = newKey();
      const first = await post(path, body, { key });
      expect([first.status, first.headers.has("Idempotency-Replayed")]).toEqual([success, false]);
      for (let time = 0; time < 3; time++) expectReplay(await post(path, body, { key }), first);
      expect(await effects()).toBe(1);
    });

    test("a repeated request returns the same response after the resource was changed or deleted", async () => {
      const { path, body } = await prepare();
      const key = newKey();
      const first = await post(path, body, { key });
      const resource = resourceOf(path, first);
      const headers = { Authorization: admin };
      expect((await api("PATCH", resource, { body: { title: "Changed" }, headers })).status).toBe(200);
      expectReplay(await post(path, body, { key }), first);
      expect((await api("DELETE", resource, { headers })).status).toBe(204);
      expectReplay(await post(path, body, { key }), first);
      expect((await get(resource)).status).toBe(404);
    });

    test("a repeated request returns the response that an earlier version stored, with an ETag without a format", async () => {
      const { path, body, effects } = await prepare();
      const key = newKey();
      const first = await post(path, body, { key });
      const replies = "set status = null, headers = null, body = null";
      await database.sql(`update idempotency_keys ${replies} where id = $1`, [first.json.id]);
      const again = await post(path, body, { key });
      const partsOf = ({ status, text, headers }: Answer) => [status, text, headers.get("Location")];
      expect([partsOf(again), isReplay(again)]).toEqual([partsOf(first), true]);
      expect(again.headers.get("ETag")).toBe(first.headers.get("ETag")?.replace(/\.\d+"$/, '"'));
      expect(await effects()).toBe(1);
    });

    test("a request takes effect again with another key, and without one", async () => {
      const { path, body, effects } = await prepare();
      for (const [at, key] of [newKey(), newKey(), undefined, undefined].entries()) {
        const answer = await post(path, body, { ...(key && { key }) });
        expect([answer.status, isReplay(answer)]).toEqual([at === 0 ? success : again, false]);
      }
      expect(await effects()).toBe(again === 409 ? 1 : 4);
    });

    test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
      ["subject", { sub: "one" }, { sub: "other" }],
      ["issuer", { sub: "one", iss: "https://a.example" }, { sub: "one", iss: "https://b.example" }],
      ["issuer, and the other none", { sub: "one", iss: "https://a.example" }, { sub: "one" }],
      ["issuer that is called null", { sub: "one", iss: "null" }, { sub: "one" }],
      ["issuer and subject that read alike", { sub: "bc", iss: "a" }, { sub: "c", iss: "ab" }],
      ["issuer and subject that are quoted alike", { sub: "b", iss: 'a","' }, { sub: '","b', iss: "a" }],
      ["subject beyond any index", { sub: "x".repeat(4_000) }, { sub: `${"x".repeat(4_000)}y` }],
      ["subject that Postgres cannot keep", { sub: "\0\ud800" }, { sub: "\0\ud801" }],
    ])("a request of another %s takes effect again with the same key", async (_, one, other) => {
      const { path, body, effects } = await prepare();
      const key = newKey();
      const first = await post(path, body, { key, token: await bearer(one) });
      const second = await post(path, body, { key, token: await bearer(other) });
      expect([first.status, second.status, isReplay(second)]).toEqual([success, again, false]);
      expect(await effects()).toBe(again === 409 ? 1 : 2);
      expectReplay(await post(path, body, { key, token: await bearer(one) }), first);
    });

    test("a repeated request may have another token of the same caller, if that has the role", async () => {
      const { path, body } = await prepare();
      const key = newKey();
      const first = await post(path, body, { key, token: await bearer({ sub: "one" }) });
      const roles = ["editor", "clerk"];
      expectReplay(await post(path, body, { key, token: await bearer({ sub: "one", roles }) }), first);
      const without = await bearer({ sub: "one", roles: [] });
      expectProblem(await post(path, body, { key, token: without }), [403, "forbidden"]);
    });

    test("a request with the key of another request is refused, and has no effect", async () => {
      const { path, body, effects } = await prepare();
      const [other, key] = [await prepare(), newKey()];
      const first = await post(path, body, { key });
      const raw = JSON.stringify(body);
      for (const changed of [
        `${raw} `,
        `\ufeff${raw}`,
        raw.replace(/ /, "\\u0020"),
        raw.replace(/:/, ": "),
      ]) {
        if (changed === raw) continue;
        expectProblem(await post(path, body, { key, raw: changed }), [422, "idempotency_mismatch"]);
      }
      expectProblem(await post(other.path, other.body, { key }), [422, "idempotency_mismatch"]);
      expect([await effects(), await other.effects()]).toEqual([1, 0]);
      expectReplay(await post(path, body, { key }), first);
    });

    test("simultaneous requests with one key take effect once", async () => {
      const { path, body, effects } = await prepare();
      const key = newKey();
      const release = await database.hold(`lock table ${table} in exclusive mode`);
      let answered = 0;
      const sent = Array.from({ length: 60 }, async () => {
        const answer = await post(path, body, { key });
        answered++;
        return answer;
      });
      // Released while they arrive.
      await expect
        .poll(async () => answered + (await database.waiting()), PATIENCE)
        .toBeGreaterThanOrEqual(20);
      await release();
      const answers = await Promise.all(sent);
      const [good, busy] = [200, 400].map((least) =>
        answers.filter(({ status }) => status >= least && status < least + 200),
      ) as [Answer[], Answer[]];
      const first = good.find((answer) => !isReplay(answer)) as Answer;
      for (const answer of good) if (answer !== first) expectReplay(answer, first);
      for (const answer of busy) {
        expectProblem(answer, [409, "idempotency_in_progress"]);
        expect(answer.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
      }
      expect([good.length + busy.length, first.status, await effects()]).toEqual([60, success, 1]);
      expectReplay(await post(path, body, { key }), first);
    });

    test("a key expires after a day, and not before", async () => {
      const { path, body, effects } = await prepare();
      const key = newKey();
      const first = await post(path, body, { key });
      const age = ({ json: { id } }: Answer, interval: string) =>
        database.sql("update idempotency_keys set created_at = now() - $2::interval where id = $1", [
          id,
          interval,
        ]);
      await age(first, "23:59:00");
      expectReplay(await post(path, body, { key }), first);
      await age(first, "24:00:00");
      const second = await post(path, body, { key });
      expect([second.status, isReplay(second)]).toEqual([again, false]);
      expect(await effects()).toBe(again === 409 ? 1 : 2);
      if (again === 409) return;
      expectReplay(await post(path, body, { key }), second);
      expect(second.text).not.toBe(first.text);
      await age(second, "24:00:00");
      const other = await prepare();
      const third = await post(other.path, other.body, { key });
      expect([third.status, isReplay(third)]).toEqual([success, false]);
      expectReplay(await post(other.path, other.body, { key }), third);
    });
  });

  describe("failed requests", () => {
    test("a request that failed for a taken ISBN is not stored", async () => {
      const [key, body] = [newKey(), newBook()];
      const { id } = await create("/api/v1/books", body);
      for (let time = 0; time < 2; time++) {
        expectProblem(await post("/api/v1/books", body, { key }), [409, "conflict"]);
      }
      await api("DELETE", `/api/v1/books/${id}`, { headers: { Authorization: admin } });
      const made = await post("/api/v1/books", body, { key });
      expect([made.status, isReplay(made)]).toEqual([201, false]);
      expectReplay(await post("/api/v1/books", body, { key }), made);
    });

    test("a request that failed for a missing book, a missing price or insufficient stock is not stored", async () => {
      const [id, key, body] = [crypto.randomUUID(), newKey(), { delta: 2 }];
      const path = `/api/v1/books/${id}/stock`;
      expectProblem(await post(path, body, { key }), [404, "not_found"]);
      const { isbn } = newBook();
      await database.sql("insert into books (id, title, author, isbn, price) values ($1, 'a', 'b', $2, 0)", [
        id,
        isbn,
      ]);
      expectProblem(await post(path, body, { key }), [422, "validation_failed"]);
      await database.sql("update books set price = 1 where id = $1", [id]);
      const added = await post(path, body, { key });
      expect([added.status, isReplay(added), added.json.stock]).toEqual([200, false, 2]);

      const [other, less] = [newKey(), { delta: -3 }];
      const refused = await post(path, less, { key: other });
      expectProblem(refused, [409, "insufficient_stock"]);
      expect(refused.json.available).toBe(2);
      await database.sql("update books set stock = 5 where id = $1", [id]);
      const taken = await post(path, less, { key: other });
      expect([taken.status, isReplay(taken), taken.json.stock]).toEqual([200, false, 2]);
      expectReplay(await post(path, body, { key }), added);
      expectReplay(await post(path, less, { key: other }), taken);
    });

    test("a request with an invalid body does not use up its key", async () => {
      const key = newKey();
      expectProblem(await post("/api/v1/tasks", {}, { key }), [422, "validation_failed"]);
      expect((await post("/api/v1/tasks", { title: "Dust" }, { key })).status).toBe(201);
    });
  });

  describe("the key", () => {
    test.each([
      "!",
      "~",
      '"quoted"',
      "a,b;c=d",
      "%00",
      "'; drop table books --".replaceAll(" ", "_"),
      "x".repeat(255),
    ])("the key %s is valid", async (key) => {
      const body = { title: key };
      const first = await post("/api/v1/tasks", body, { key });
      expect(first.status).toBe(201);
      expectReplay(await post("/api/v1/tasks", body, { key }), first);
    });

    test("a key is compared literally", async () => {
      const [body, keys] = [{ title: "Dust" }, ["abc", "ABC", '"abc"', "%61bc"]];
      for (const key of keys)
        expect([key, isReplay(await post("/api/v1/tasks", body, { key }))]).toEqual([key, false]);
      for (const key of keys)
        expect([key, isReplay(await post("/api/v1/tasks", body, { key }))]).toEqual([key, true]);
    });

    test.each([
      ["a space", "a b"],
      ["a tab", "a\tb"],
      ["a letter beyond ASCII", "caf\u00e9"],
      ["a control character beyond ASCII", "a\u0080"],
      ["256 characters", "x".repeat(256)],
    ])("a key with %s returns 400, before other faults", async (_, key) => {
      for (const path of ["/api/v1/books", "/api/v1/tasks", `/api/v1/books/${MISSING}/stock`]) {
        const answer = await post(path, {}, { key });
        expectProblem(answer, [400, "invalid_header"]);
        expect(answer.json.message).toContain("Idempotency-Key");
      }
    });

    test("two Idempotency-Key headers return 400", async () => {
      const { status, text } = await rawRequest(server.url, {
        method: "POST",
        path: "/api/v1/tasks",
        headers: {
          Authorization: admin,
          "Content-Type": "application/json",
          // Node sends a list as one header line per element.
          "Idempotency-Key": ["a", "a"] as unknown as string,
        },
        chunks: [Buffer.from('{"title":"Dust"}')],
      });
      expect([status, JSON.parse(text).error]).toEqual([400, "invalid_header"]);
    });

    test("methods other than POST ignore Idempotency-Key", async () => {
      const { id } = await create("/api/v1/tasks", { title: "Dust" });
      for (const key of ["one", "one", "a b"]) {
        const headers = { Authorization: admin, "Idempotency-Key": key };
        for (const completed of [true, false]) {
          const { json } = await api("PATCH", `/api/v1/tasks/${id}`, { body: { completed }, headers });
          expect(json.completed).toBe(completed);
        }
        expect((await api("GET", "/api/v1/tasks", { headers })).status).toBe(200);
      }
    });

    test("a key is checked after the body, and before the resource", async () => {
      const [key, bad, path] = [newKey(), "a b", `/api/v1/books/${MISSING}/stock`];
      await post("/api/v1/tasks", { title: "Dust" }, { key });
      const type = { "Content-Type": "text/plain" };
      const headers = { Authorization: admin, ...type, "Idempotency-Key": bad };
      expectProblem(await api("POST", path, { raw: "{}", headers }), [415, "unsupported_media_type"]);
      expectProblem(await post(path, { delta: 0 }, { key: bad }), [400, "invalid_header"]);
      expectProblem(await post(path, { delta: 0 }, { key }), [422, "validation_failed"]);
      expectProblem(await post(path, { delta: 1 }, { key }), [422, "idempotency_mismatch"]);
      expectProblem(await post(path, { delta: 1 }, { key: newKey() }), [404, "not_found"]);
    });

    test("the database contains neither the key nor its caller", async () => {
      const key = newKey();
      await post("/api/v1/tasks", { title: "Dust" }, { key, token: await bearer({ sub: "Somebody-Known" }) });
      const kept = JSON.stringify(await database.sql("select * from idempotency_keys"));
      expect(kept).not.toMatch(new RegExp(`${key}|Somebody`));
    });
  });

  test("new keys delete expired ones", async () => {
    const old = () => database.sql("select from idempotency_keys where key like 'old%'");
    const insert = (name: string, count: number, age: string) =>
      database.sql(
        `insert into idempotency_keys (key, fingerprint, id, version, json, created_at)
       select $1 || n, '', gen_random_uuid(), 1, '{}', now() - $3::interval from generate_series(1, $2) n`,
        [name, count, age],
      );
    await insert("old", 25, "24:00:01");
    await insert("young", 25, "23:59:00");
    for (let time = 0; time < 3; time++) await post("/api/v1/tasks", { title: "Dust" }, { key: newKey() });
    expect(await old()).toHaveLength(0);
    expect(await database.sql("select from idempotency_keys where key like 'young%'")).toHaveLength(25);
  });

  describe("a key in use", () => {
    test("a request whose key is in use is refused at once, and gets the response later", async () => {
      const { id = "" } = await create("/api/v1/books", newBook({ stock: 9 }));
      const [path, body, key] = [`/api/v1/books/${id}/stock`, { delta: -1 }, newKey()];
      const release = await database.hold(`update books set stock = stock + 10 where id = '${id}'`);
      const first = post(path, body, { key });
      await expect.poll(database.waiting, PATIENCE).toBe(1);
      for (const sent of [body, { delta: -2 }]) {
        const refused = await post(path, sent, { key });
        expectProblem(refused, [409, "idempotency_in_progress"]);
        expect(refused.headers.get("Retry-After")).toBe("1");
      }
      expect((await post("/api/v1/tasks", { title: "Dust" }, { key: newKey() })).status).toBe(201);
      const elsewhere = await post(
        "/api/v1/tasks",
        { title: "Dust" },
        { key, token: await bearer({ sub: "other" }) },
      );
      expect(elsewhere.status).toBe(201);
      expect(await database.waiting(), "the first still waited").toBe(1);
      await release();
      const answer = await first;
      expect([answer.status, isReplay(answer), answer.json.stock]).toEqual([200, false, 18]);
      expectReplay(await post(path, body, { key }), answer);
      expect((await get(`/api/v1/books/${id}`)).json.stock).toBe(18);
    });

    test("a request whose client disconnects takes effect once", async () => {
      const { id = "" } = await create("/api/v1/books", newBook({ stock: 9 }));
      const [path, body, key] = [`/api/v1/books/${id}/stock`, { delta: -1 }, newKey()];
      const release = await database.hold(`update books set stock = stock + 10 where id = '${id}'`);
      const gone = new AbortController();
      const first = fetch(server.url + path, {
        method: "POST",
        headers: { Authorization: admin, "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify(body),
        signal: gone.signal,
      });
      await expect.poll(database.waiting, PATIENCE).toBe(1);
      gone.abort();
      await expect(first).rejects.toThrow();
      await release();
      await expect.poll(async () => (await post(path, body, { key })).status, PATIENCE).toBe(200);
      expect((await get(`/api/v1/books/${id}`)).json.stock).toBe(18);
    });
  });

  describe.each(OPERATIONS)("$name when a connection breaks", ({ prepare, success }) => {
    let client: Client;

    beforeAll(async () => {
      client = await createClient(before.url);
    });

    /** Prevents compression of the response. */
    const plain = { "Accept-Encoding": "identity" };

    const send = ({ path, body }: Prepared, key: string) =>
      client("POST", path, { body, headers: { ...plain, Authorization: admin, "Idempotency-Key": key } });

    /** The response to a repeated request, once the first one no longer runs. */
    async function again({ path, body }: Prepared, key: string): Promise<Answer> {
      let answer: Answer | undefined;
      const send = async () => {
        answer = await post(path, body, { key });
        return answer.json.error;
      };
      await expect.poll(send, { timeout: 20_000, interval: 1 }).not.toBe("idempotency_in_progress");
      expect(answer?.status).toBe(success);
      return answer as Answer;
    }

    async function expectNotYet(prepared: Prepared, key: string): Promise<void> {
      expect(await prepared.effects()).toBe(0);
      const answer = await again(prepared, key);
      expect(isReplay(answer), REPLAYED).toBe(false);
      expect(await prepared.effects()).toBe(1);
      expectReplay(await again(prepared, key), answer);
    }

    /** @returns the stored response */
    async function expectOnce(prepared: Prepared, key: string): Promise<Answer> {
      const answer = await again(prepared, key);
      expect(isReplay(answer), REPLAYED).toBe(true);
      expect(await prepared.effects()).toBe(1);
      const now = await get(resourceOf(prepared.path, answer));
      expect([answer.text, answer.headers.get("ETag")]).toEqual([now.text, now.headers.get("ETag")]);
      return answer;
    }

    test.each(["POST /", "\r\n\r\n", '{"'])(
      "a request broken off before %j takes effect when it is repeated",
      async (text) => {
        const [prepared, key] = [await prepare(), newKey()];
        before.breakRequest(text);
        await expect(send(prepared, key)).rejects.toThrow("fetch failed");
        await expectNotYet(prepared, key);
      },
    );

    test.each([0, 0.5, 1])(
      "a request whose client received %d of the response is replayed, not executed again",
      async (share) => {
        const [prepared, key] = [await prepare(), newKey()];
        const lost = before.breakAnswer("POST /", share);
        await send(prepared, key).catch(() => {});
        const answer = await expectOnce(prepared, key);
        expect(content(answer)).toEqual(content(parsed(await lost)));
      },
    );

    const { sent, shares } = EXCHANGES[runtime === "workerd" ? "http" : "postgres"];

    /** On a connection that has prepared a statement, its text is not sent. */
    async function forgetStatements(): Promise<void> {
      if (runtime === "workerd") return;
      for (const link of behind.links) link.cut();
      await expect.poll(() => behind.links.size).toBe(0);
    }

    test.each(sent)("a request whose query broke before %j takes effect when repeated", async (text) => {
      const [prepared, key] = [await prepare(), newKey()];
      await forgetStatements();
      behind.breakRequest(text);
      const broken = await send(prepared, key);
      expectProblem(broken, [503, "database_unavailable"]);
      expect(broken.json.message).toMatch(
        /unknown whether the change was made.*same Idempotency-Key; that is safe/,
      );
      await expectNotYet(prepared, key);
    });

    test.each(shares)(
      "a request whose server received %d of the database's response is replayed, not executed again",
      async (share) => {
        const [prepared, key] = [await prepare(), newKey()];
        const lost = behind.breakAnswer(sent[0], share);
        expectProblem(await send(prepared, key), [503, "database_unavailable"]);
        const { text } = await expectOnce(prepared, key);
        const wire = Buffer.from(await lost, "latin1").toString();
        expect(wire).toContain(runtime === "workerd" ? JSON.stringify(text) : text);
      },
    );

    test("a request without a key is advised to read first after its database connection broke", async () => {
      const { path, body } = await prepare();
      await forgetStatements();
      behind.breakRequest(runtime === "workerd" ? "POST /" : "outcome as");
      const broken = await post(path, body, { client });
      expectProblem(broken, [503, "database_unavailable"]);
      expect(broken.json.message).toMatch(/unknown whether the change was made: read the resource before/);
    });
  });
});

describe("between the runtimes", () => {
  const clients: Client[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    for (const runtime of RUNTIMES)
      clients.push(await createClient((await startServer(runtime, database, { AUTH_SECRET })).url));
    [api] = clients as [Client];
    admin = await bearer({ sub: "admin" });
  });

  test.each(OPERATIONS)(
    "$name: every runtime replays what another one executed",
    async ({ prepare, success }) => {
      for (const client of clients) {
        const { path, body, effects } = await prepare();
        const key = newKey();
        const first = await post(path, body, { key, client });
        expect([first.status, isReplay(first)]).toEqual([success, false]);
        for (const other of clients) expectReplay(await post(path, body, { key, client: other }), first);
        expect(await effects()).toBe(1);
      }
    },
  );
});
