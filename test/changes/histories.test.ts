/**
 * Copies of the catalogue beside random histories of writers, whose transactions overlap, stay open, roll back and are
 * prepared. Whenever the feed says that there is no more, the copy must be the table as it is committed, whatever is still
 * open. Feeds that go by time or by a sequence fail the same test.
 */
import fc from "fast-check";
import type pg from "pg";
import { beforeAll, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { pooledDriver } from "../../src/db/pool.ts";
import type { App } from "../../src/http/exchange.ts";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";

/** `OCTAVO_HISTORIES=100000` runs more of them. */
const HISTORIES = Number(process.env.OCTAVO_HISTORIES ?? 1_000);
const WRITERS = 3;

let app: App;
let database: TestDatabase;
let writers: Writer[];

beforeAll(async () => {
  database = await createTestDatabase();
  const config = await parseConfig({ DATABASE_URL: database.url });
  const driver = pooledDriver({ url: config.databaseUrl, size: 1, timeout: config.deadline });
  atEnd(() => driver.end());
  app = createApp({
    config,
    connect: connectOver(direct(driver)),
    log: () => {},
    readAsset: async () => new Uint8Array(),
  });
  writers = await Promise.all(
    Array.from({ length: WRITERS }, async (_, at) => {
      const client = await database.connect();
      atEnd(() => client.end());
      return new Writer(client, `writer_${at}`);
    }),
  );
  await database.sql(NAIVE);
});

/** What feeds by time and by a sequence read: the last change of each book. */
const NAIVE = `create table naive (id uuid primary key, seq bigserial, at timestamptz, json text);
  create function note() returns trigger language plpgsql set search_path = public as $$ begin
    insert into naive (id, at, json) values (coalesce(new.id, old.id), clock_timestamp(), new.json)
    on conflict (id) do update set seq = nextval('naive_seq_seq'), at = excluded.at, json = excluded.json;
    return null;
  end $$;
  create trigger note after insert or update or delete on books for each row execute function note()`;

type Write = "put" | "delete" | "undone";
type End = "commit" | "rollback" | "prepare";

/** A connection with a transaction. */
class Writer {
  readonly #client: pg.Client;
  readonly #name: string;
  #state: "idle" | "open" | "prepared" = "idle";
  /** The books that its transaction has locked. */
  readonly locked = new Set<number>();

  constructor(client: pg.Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  async write(kind: Write, books: number[]): Promise<void> {
    if (this.#state === "prepared") return;
    for (const book of books) this.locked.add(book);
    const isbns = `(values ${books.map((book) => `('${isbnOf(book)}')`)}) as given (isbn)`;
    const put = `insert into books (title, author, isbn, price) select 'A', 'B', isbn, 1 from ${isbns}
      on conflict (isbn) do update set stock = books.stock + 1`;
    const statement = {
      put,
      delete: `delete from books using ${isbns} where books.isbn = given.isbn`,
      undone: `savepoint one; ${put}; rollback to one`,
    }[kind];
    await this.#client.query(`${this.#state === "idle" ? "begin;" : ""} ${statement}`);
    this.#state = "open";
  }

  async end(how: End): Promise<void> {
    if (this.#state === "idle") return;
    const isPrepared = this.#state === "prepared";
    const prepared = isPrepared ? ` prepared '${this.#name}'` : "";
    const isPreparing = how === "prepare" && !isPrepared;
    const end = how === "rollback" ? `rollback${prepared}` : `commit${prepared}`;
    await this.#client.query(isPreparing ? `prepare transaction '${this.#name}'` : end);
    this.#state = isPreparing ? "prepared" : "idle";
    if (!isPreparing) this.locked.clear();
  }
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      writer: fc.nat(WRITERS - 1),
      write: fc.constantFrom<Write>("put", "put", "put", "delete", "undone"),
      books: fc.subarray([0, 1, 2, 3], { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      writer: fc.nat(WRITERS - 1),
      end: fc.constantFrom<End>("commit", "commit", "rollback", "prepare"),
    }),
  },
  { weight: 5, arbitrary: fc.record({ limit: fc.constantFrom(1, 1, 2, 4) }) },
);
const history = fc.array(step, { minLength: 4, maxLength: 12 });

type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** By id, the book's JSON. */
type Copy = Map<string, string>;

interface Follower {
  /** Takes the next page. Gives whether there is no more. */
  poll(copy: Copy, limit: number): Promise<boolean>;
}

function apply(copy: Copy, id: string, json: string | null): void {
  if (json === null) copy.delete(id);
  else copy.set(id, json);
}

function ours(): Follower {
  let cursor = "";
  return {
    async poll(copy, limit) {
      const response = await app.request(`http://localhost/api/v1/changes?limit=${limit}${cursor}`);
      expect(response.status).toBe(200);
      const { data, next_cursor, more } = (await response.json()) as {
        data: { id: string; book: object | null }[];
        next_cursor: string;
        more: boolean;
      };
      for (const { id, book } of data) apply(copy, id, book && JSON.stringify(book));
      cursor = `&cursor=${next_cursor}`;
      return !more;
    },
  };
}

/** Asks for what is above the highest key that it has seen. */
function naive(column: "seq" | "at"): Follower {
  let last: string | undefined;
  return {
    async poll(copy) {
      const rows = await database.sql<{ id: string; json: string | null; key: string }>(
        `select id, json, ${column}::text as key from naive where $1::text is null or ${column}::text::${
          column === "seq" ? "bigint" : "timestamptz"
        } > $1::${column === "seq" ? "bigint" : "timestamptz"} order by ${column}`,
        [last],
      );
      for (const { id, json, key } of rows) {
        apply(copy, id, json);
        last = key;
      }
      return true;
    },
  };
}

async function expectCommitted(copy: Copy): Promise<void> {
  const rows = await database.sql<{ id: string; json: string }>("select id, json from books");
  expect(new Map([...copy].sort())).toEqual(new Map(rows.map(({ id, json }) => [id, json] as const).sort()));
}

async function run(steps: History, follower: Follower): Promise<void> {
  await database.sql("delete from books; delete from book_changes; delete from naive");
  const copy: Copy = new Map();
  try {
    for (const step of steps) {
      if ("limit" in step) {
        if (await follower.poll(copy, step.limit)) await expectCommitted(copy);
        continue;
      }
      const writer = writers[step.writer] as Writer;
      if ("end" in step) await writer.end(step.end);
      else {
        const others = writers.filter((other) => other !== writer);
        const free = step.books.filter((book) => !others.some(({ locked }) => locked.has(book)));
        if (free.length > 0) await writer.write(step.write, free);
      }
    }
  } finally {
    for (const writer of writers) await writer.end("commit");
  }
  while (!(await follower.poll(copy, 2)));
  await expectCommitted(copy);
}

test(`a copy is what is committed whenever there is no more, in ${HISTORIES} random histories`, async () => {
  await fc.assert(
    fc.asyncProperty(history, (steps) => run(steps, ours())),
    { numRuns: HISTORIES },
  );
}, 3_600_000);

test("a copy beside writers that never wait for it is the table once they stop", async () => {
  await database.sql("delete from books; delete from book_changes");
  const end = performance.now() + 3_000;
  const write = async (client: pg.Client, at: number) => {
    for (let number = at; performance.now() < end; number += WRITERS) {
      const isbns = [0, 1, 2].map((offset) => `('${isbnOf((number * 7 + offset) % 40)}')`).sort();
      // Rows are locked in one order, so that no writer has to give way.
      await client.query(
        `begin; insert into books (title, author, isbn, price) select 'A', 'B', isbn, 1 from (values ${isbns}) as given (isbn)
           order by isbn on conflict (isbn) do update set stock = books.stock + 1;
         ${number % 5 === 0 ? `delete from books where isbn = ${isbns[0]};` : ""} ${number % 7 === 0 ? "rollback" : "commit"}`,
      );
    }
    await client.end();
  };
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => database.connect()));
  const writing = Promise.all(clients.map(write));
  const [follower, copy] = [ours(), new Map() as Copy];
  while (performance.now() < end) await follower.poll(copy, 4);
  await writing;
  while (!(await follower.poll(copy, 4)));
  await expectCommitted(copy);
});

test.each([
  ["time", "at"],
  ["a sequence", "seq"],
] as const)(
  "the test finds what a feed by %s misses",
  async (_, column) => {
    const result = await fc.check(
      fc.asyncProperty(history, (steps) => run(steps, naive(column))),
      { numRuns: HISTORIES, endOnFailure: true },
    );
    expect(result.failed).toBe(true);
  },
  3_600_000,
);
