/** If-Match and If-None-Match (RFC 9110) on every operation that honours them, and the versions that they compare. */
import { beforeAll, describe, expect, test } from "vitest";
import { BOOK_FORMAT, isbnOf, newBook } from "../support/books.ts";
import { type Answer, type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startWorker } from "../support/worker.ts";

let api: Client;
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await createClient((await startWorker(database, { OPEN_LOCAL_WRITES: "true" })).url);
});

const MISSING = "00000000-0000-7000-8000-000000000000";
const UNCONDITIONAL: Record<string, number> = { GET: 200, HEAD: 200, PUT: 200, PATCH: 200, DELETE: 204 };
const isRead = (method: string) => method === "GET" || method === "HEAD";

interface Tags {
  current: string;
  stale: string;
  /** The current tag of another resource. */
  other: string;
}

/** Header values, and whether they match the current representation strongly and weakly. */
const VALUES: [name: string, value: (tags: Tags) => string, strongly: boolean, weakly: boolean][] = [
  ["the current tag", ({ current }) => current, true, true],
  ["the current tag, weak", ({ current }) => `W/${current}`, false, true],
  ["a stale tag", ({ stale }) => stale, false, false],
  ["another resource's tag", ({ other }) => other, false, false],
  ["*", () => "*", true, true],
  ["a list with the current tag", ({ current, stale }) => `${stale}, "x",${current}`, true, true],
  ["a list with the current tag, weak", ({ current, stale }) => `${stale}, W/${current}`, false, true],
  ["a list without the current tag", ({ stale, other }) => `${stale}, ${other}, W/"x"`, false, false],
  ["a list with empty elements", ({ current }) => `, ${current} ,,`, true, true],
  ["a tag with a comma in it", ({ current }) => `"a,b", ${current}`, true, true],
  ["the empty tag", () => '""', false, false],
  ["the current tag in upper case", ({ current }) => current.toUpperCase(), false, false],
  ["a version with a zero before it", ({ current }) => current.replace(".", ".0"), false, false],
  [
    "a version beyond all integers",
    ({ current }) => current.replace(".2.", `.${"9".repeat(30)}.`),
    false,
    false,
  ],
  // Another format may change the JSON, but not the members that an editor read.
  ["the current version in another format", ({ current }) => current.replace(/\d+"$/, '99"'), true, false],
  ["the current version without a format", ({ current }) => current.replace(/\.\d+"$/, '"'), true, false],
  ["a stale version without a format", ({ stale }) => stale.replace(/\.\d+"$/, '"'), false, false],
  ["a format with a zero before it", ({ current }) => current.replace(/\d+"$/, "0$&"), false, false],
];

let isbn = 1;

describe.each([
  {
    table: "books",
    methods: ["GET", "HEAD", "PUT", "PATCH", "DELETE"],
    create: newBook,
    changes: {
      title: "Other",
      author: "Somebody Else",
      isbn: isbnOf(900_000_000),
      price: 1.01,
      stock: 99,
      description: "Sand",
    },
    insert: "insert into books (title, author, isbn, price, version) values ('Dune', 'Herbert', $1, 1, 2)",
  },
  {
    table: "tasks",
    methods: ["GET", "HEAD", "PATCH", "DELETE"],
    create: () => ({ title: "Dust the shelves" }),
    changes: { title: "Other", completed: true },
    insert: "insert into tasks (title, version) values ('Dust ' || $1, 2)",
  },
])("$table", ({ table, methods, create, changes, insert }) => {
  const collection = `/api/v1/${table}`;
  const format = table === "books" ? BOOK_FORMAT : 1;

  const send = (method: string, path: string, headers: Record<string, string> = {}, title = "Another") =>
    api(method, path, { headers, ...(method.startsWith("P") && { body: { title } }) });

  const tagOf = ({ headers }: Answer) => headers.get("ETag") as string;

  /** Creates a resource at its second version, by SQL because the tests need hundreds. */
  async function prepare(): Promise<{ path: string; tags: Tags }> {
    const [row] = await database.sql<{ id: string }>(`${insert} returning id`, [isbnOf(isbn++)]);
    const id = row?.id as string;
    const tags = {
      current: `"${id}.2.${format}"`,
      stale: `"${id}.1.${format}"`,
      other: `"${MISSING}.2.${format}"`,
    };
    return { path: `${collection}/${id}`, tags };
  }

  /** Checks the response's status, and that the resource has changed accordingly. */
  async function expectStatus(
    status: number,
    method: string,
    { path, tags: { current } }: Awaited<ReturnType<typeof prepare>>,
    headers: Record<string, string>,
  ) {
    const answer = await send(method, path, headers);
    expect(answer.status, JSON.stringify(headers)).toBe(status);
    const [after] = await database.sql<{ tag: string }>(
      `select format('"%s.%s.${format}"', id, version) as tag from ${table} where id = $1`,
      [path.split("/").at(-1)],
    );
    const changed = !isRead(method) && status === 200;
    if (status === 204) expect(after).toBeUndefined();
    else if (changed) expect(after?.tag).not.toBe(current);
    else expect(after?.tag).toBe(current);
    if (changed || status === 304) expect(tagOf(answer)).toBe(after?.tag);
  }

  describe.each(methods)("%s", (method) => {
    const success = UNCONDITIONAL[method] as number;
    const unchanged = isRead(method) ? 304 : 412;

    test.each(VALUES)("a precondition with %s follows RFC 9110", async (_, value, strongly, weakly) => {
      const outcomes = [
        ["If-Match", strongly ? success : 412],
        ["If-None-Match", weakly ? unchanged : success],
      ] as const;
      await Promise.all(
        outcomes.map(async ([name, status]) => {
          const resource = await prepare();
          const headers = { [name]: value(resource.tags) };
          await expectStatus(status, method, resource, headers);
        }),
      );
    });

    test.each([
      ["*", 404],
      [`"${MISSING}.1.1"`, 404],
      ['W/"x", "y"', 404],
      ["malformed", 400],
    ])("a precondition of %s on a missing resource returns %i", async (value, status) => {
      for (const name of ["If-Match", "If-None-Match"]) {
        expect((await send(method, `${collection}/${MISSING}`, { [name]: value })).status).toBe(status);
      }
    });

    test.each<[name: string, value: (tags: Tags) => string, weak: boolean]>([
      ["the current tag, weak", ({ current }) => `W/${current}`, true],
      ["a stale tag, weak", ({ stale }) => `W/${stale}`, true],
      ["weak tags", ({ current, other }) => `W/${current}, W/${other}`, true],
      ["a weak and a stale tag", ({ current, stale }) => `W/${current}, ${stale}`, false],
      ["a stale tag", ({ stale }) => stale, false],
      ["a strong tag that looks weak", () => '"W/"', false],
    ])("a failed If-Match of %s returns a message that says why", async (_, value, weak) => {
      if (method === "HEAD") return;
      const { path, tags } = await prepare();
      const { status, json } = await send(method, path, { "If-Match": value(tags) });
      expect([status, /weak/.test(json.message), /version/.test(json.message)]).toEqual([412, weak, !weak]);
    });

    test("a malformed precondition returns 400, and changes nothing", async () => {
      const resource = await prepare();
      for (const name of ["If-Match", "If-None-Match"]) {
        await expectStatus(400, method, resource, { [name]: "malformed" });
      }
    });

    test.each<[match: keyof Tags, noneMatch: keyof Tags, status: number]>([
      ["current", "stale", success],
      ["current", "current", unchanged],
      ["stale", "stale", 412],
      ["stale", "current", 412],
    ])("If-Match (%s tag) applies before If-None-Match (%s tag)", async (match, noneMatch, status) => {
      const resource = await prepare();
      const headers = { "If-Match": resource.tags[match], "If-None-Match": resource.tags[noneMatch] };
      await expectStatus(status, method, resource, headers);
    });
  });

  test("an ETag is strong, and is never reused", async () => {
    const first = await api("POST", collection, { body: create() });
    const path = first.headers.get("Location") as string;
    const tags = [tagOf(first)];
    for (const title of ["One", "Other", "One"]) tags.push(tagOf(await send("PATCH", path, {}, title)));
    await send("DELETE", path);
    tags.push(tagOf(await api("POST", collection, { body: create() })));
    expect(new Set(tags).size).toBe(5);
    for (const tag of tags) expect(tag).toMatch(/^"[\w.-]+"$/);
  });

  test.each(Object.entries(changes))("a change of %s alone gives a new ETag", async (member, value) => {
    const made = await api("POST", collection, { body: create() });
    const path = made.headers.get("Location") as string;
    const options = { body: { [member]: value }, headers: { "If-Match": tagOf(made) } };
    const changed = await api("PATCH", path, options);
    expect(changed.json).toEqual({ ...made.json, [member]: value, updated_at: changed.json.updated_at });
    expect(tagOf(changed), "the tag of the changed resource").not.toBe(tagOf(made));
    expect(changed.json.updated_at).not.toBe(made.json.updated_at);
    expect((await api("PATCH", path, options)).status, "a second change of the first version").toBe(412);
  });

  test("a change in a transaction that began before another change is stamped after it", async () => {
    const { json } = await api("POST", collection, { body: create() });
    const path = `${collection}/${json.id}`;
    const early = await database.connect();
    await early.query("begin");
    const { updated_at: first } = (await send("PATCH", path)).json;
    await early.query(`update ${table} set title = 'Last' where id = $1`, [json.id]);
    await early.query("commit");
    await early.end();
    const { title, updated_at: last } = (await api("GET", path)).json;
    expect(title).toBe("Last");
    expect([first, last], "the stamps in the order of the changes").toEqual([first, last].sort());
  });

  test("an update that changes nothing keeps the ETag", async () => {
    const { path } = await prepare();
    const tag = tagOf(await send("PATCH", path));
    expect(tagOf(await send("PATCH", path, { "If-Match": tag }))).toBe(tag);
  });

  test("one of several simultaneous updates with the same If-Match succeeds", async () => {
    for (let round = 0; round < 5; round++) {
      const { path, tags } = await prepare();
      const answers = await Promise.all(
        ["A", "B", "C"].map((title) => send("PATCH", path, { "If-Match": tags.current }, title)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    }
  });
});

test("the remedy of a failed precondition mentions weak tags", async () => {
  const { json } = await api("GET", "/problems/precondition_failed");
  expect(json.remedy).toMatch(/weak/);
});

test("a book has the same ETag by id and by ISBN", async () => {
  const { json, headers } = await api("POST", "/api/v1/books", { body: newBook() });
  const tag = headers.get("ETag") as string;
  for (const path of [`/api/v1/books/${json.id}`, `/api/v1/books/isbn/${json.isbn}`]) {
    expect((await api("GET", path, { headers: { "If-None-Match": tag } })).status).toBe(304);
    expect((await api("GET", path, { headers: { "If-Match": '"x"' } })).status).toBe(412);
  }
});

test("a listing has no ETag, and ignores preconditions", async () => {
  for (const path of ["/api/v1/books", "/api/v1/tasks"]) {
    const { status, headers } = await api("GET", path, {
      headers: { "If-None-Match": "*", "If-Match": '"x"' },
    });
    expect([status, headers.get("ETag")]).toEqual([200, null]);
  }
});
