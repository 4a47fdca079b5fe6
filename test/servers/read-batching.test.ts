/**
 * Shared reads over the servers' pool and Postgres: fewer queries, no stale result, and no reader that suffers from
 * another one's fault.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type BookQuery, bookPaging, memberOf, type Sort } from "../../src/books/listing.ts";
import { listBooks, listBooksByNumber, readBook } from "../../src/books/store.ts";
import { connectOver, direct, type Reads } from "../../src/db/connection.ts";
import { SetupFault, UnavailableFault } from "../../src/db/faults.ts";
import { type Lines, type ListingPosition, rowsIn } from "../../src/db/keyset.ts";
import { type PooledDriver, pooledDriver } from "../../src/db/pool.ts";
import type { Connect, Driver } from "../../src/db/ports.ts";
import { batchedReads } from "../../src/db/read-batching.ts";
import { MissingFault } from "../../src/db/resource.ts";
import { Scheduler } from "../../src/db/scheduler.ts";
import type { Statement } from "../../src/db/statements.ts";
import { listMovements } from "../../src/stock/movements.ts";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const BOOKS = 20;
const TIMEOUT_MS = 10_000;
const SEARCHES = 2;
/** Milliseconds: enough to wait for others, and too few. */
const [PATIENCE, HASTE] = [60_000, 50];
const MISSING = "00000000-0000-7000-8000-000000000000";

let database: TestDatabase;
let pool: PooledDriver;
let ids: string[];
/** The statements sent to Postgres. */
let sent: Statement[] = [];
/** The number of statements that Postgres has answered. */
let answered = 0;
let batches = 0;
/** Delays the responses of Postgres until it resolves. */
let network: Promise<void> = Promise.resolve();

/** The pool, with its statements recorded and its responses delayed. */
const driver: Driver = {
  async query(statement, deadline) {
    const slow = network;
    sent.push(statement);
    return pool.query(statement, deadline).finally(() => {
      answered++;
      return slow;
    });
  },
  batch(...batch) {
    batches++;
    return pool.batch(...batch);
  },
};

beforeAll(async () => {
  database = await createTestDatabase();
  pool = pooledDriver({ url: database.url, size: 4, timeout: TIMEOUT_MS });
  const rows = await database.sql<{ id: string }>(
    "insert into books (title, author, isbn, price) select 'Book ' || n, 'A', isbn, 1 from unnest($1::text[]) with ordinality as t (isbn, n) returning id",
    [Array.from({ length: BOOKS }, (_, at) => isbnOf(at))],
  );
  ids = rows.map(({ id }) => id);
});
beforeEach(() => {
  sent = [];
  answered = 0;
  batches = 0;
  network = Promise.resolve();
});
afterAll(() => pool.end());

const batching = (share: number, timeout: number) =>
  batchedReads(driver, new Scheduler({ capacity: 4, share }), timeout);
const shared = (searches = SEARCHES, timeout = TIMEOUT_MS) =>
  connectOver({ ...direct(driver), reads: batching(searches, timeout) });
const idOf = (at: number) => ids[at] as string;
const titles = sql`select string_agg(title, ',' order by id) as titles from books`;
const titleOf = async (connect: Connect, id: string, time = PATIENCE) =>
  JSON.parse((await readBook(connect(time), { id })).json).title;

function heldNetwork(): () => void {
  let release = () => {};
  network = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}

describe("books read in one tick", () => {
  test("books read in one tick are one query, and each read gets its own book", async () => {
    const connect = shared();
    const found = await Promise.all([...ids, ...ids].map((id) => titleOf(connect, id)));
    expect(found).toEqual([...ids, ...ids].map((_, at) => `Book ${(at % BOOKS) + 1}`));
    expect(sent).toHaveLength(1);
    expect(sent[0]?.values).toEqual([ids]);
  });

  test("books read by ISBN in one tick are another query, and a missing one does not affect the others", async () => {
    const connect = shared();
    const outcomes = await Promise.allSettled([
      titleOf(connect, idOf(0)),
      titleOf(connect, MISSING),
      readBook(connect(PATIENCE), { isbn: isbnOf(3) }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[1] as PromiseRejectedResult).reason).toBeInstanceOf(MissingFault);
    expect(sent).toHaveLength(2);
  });

  test("books read in one tick without sharing are one query each", async () => {
    const connect = connectOver(direct(driver));
    await Promise.all(ids.map((id) => titleOf(connect, id)));
    expect(sent).toHaveLength(BOOKS);
  });
});

const booksIn = (found: Lines): { id: string; [name: string]: unknown }[] =>
  rowsIn(found).map((json) => JSON.parse(json));

describe("pages of one order read in one turn", () => {
  const directions = [
    { direction: "forward", side: "after" },
    { direction: "backward", side: "before" },
  ] as const;

  test.each<Sort>(["title", "-title", "-created_at", "price"])(
    "pages of the order %s read in one turn are one query, and equal the pages read alone",
    async (sort) => {
      const query = bookPaging.query.parse({ sort, limit: "3" });
      const page = async (connect: Connect, ...listing: [BookQuery, ListingPosition?]) =>
        booksIn((await listBooks(connect(PATIENCE), listing[0], listing[1])).found);
      const rows = await page(connectOver(direct(driver)), { ...query, limit: BOOKS });
      const places = [...rows, ...rows].map((book) => ({
        key: `${book[memberOf(sort)]}`,
        id: book.id,
      }));
      for (const direction of directions) {
        const read = (connect: Connect) =>
          Promise.all(places.map((place) => page(connect, query, { ...direction, ...place })));
        const expected = await read(connectOver(direct(driver)));
        expect(expected.map((rows) => rows.length).sort()).toEqual(
          [...rows, ...rows].map((_, at) => Math.min(4, Math.floor(at / 2))).sort(),
        );
        sent = [];
        expect(await read(shared())).toEqual(expected);
        expect(sent).toHaveLength(1);
      }
    },
  );

  test("many pages read in one turn are several queries, and a single page is a query of its own", async () => {
    const connect = shared();
    const query = bookPaging.query.parse({});
    const places = Array.from({ length: 70 }, (_, at) => `2026-01-01T00:00:00.${100_000 + at}Z`);
    const read = (key: string) =>
      listBooks(connect(PATIENCE), query, { direction: "forward", side: "after", key, id: idOf(0) });
    await Promise.all(places.map(read));
    expect(sent.map(({ values }) => (values[0] as unknown[]).length)).toEqual([32, 32, 6]);
    sent = [];
    await read(places[0] as string);
    expect(sent.map(({ values }) => values[0])).toEqual([places[0]]);
  });
});

test("equal statements run one at a time: reads share one until it is sent, and later reads share the next", async () => {
  const connect = shared();
  const release = heldNetwork();
  const first = [connect(PATIENCE).read(titles), connect(PATIENCE).read(titles)];
  await expect.poll(() => sent.length).toBe(1);
  const others = Array.from({ length: 30 }, () => connect(PATIENCE).read(titles));
  const another = connect(PATIENCE).read(sql`select 1 as one`);
  await expect.poll(() => sent.length).toBe(2);
  release();
  const [[row] = []] = await Promise.all(first);
  for (const rows of await Promise.all(others)) expect(rows).toEqual([row]);
  expect(await another).toEqual([{ one: 1 }]);
  expect(sent).toHaveLength(3);
  await connect(PATIENCE).read(titles);
  expect(sent).toHaveLength(4);
});

test("a read that shares the next query has its whole time, however long the previous query took", async () => {
  const connect = shared(SEARCHES, 400);
  const slow = sql`select pg_sleep(0.25)::text as slept`;
  const first = connect(PATIENCE).read(slow);
  await expect.poll(() => sent.length).toBe(1);
  const next = connect(PATIENCE).read(slow);
  expect(await Promise.all([first, next])).toEqual([[{ slept: "" }], [{ slept: "" }]]);
});

test("all calls of one database share its time", async () => {
  const database = connectOver(direct(driver))(1000);
  await database.read(sql`select pg_sleep(0.6)`);
  await expect(database.read(sql`select pg_sleep(0.6)`)).rejects.toBeInstanceOf(UnavailableFault);
});

test("a read waits for an equal query no longer than the reads of that query wait", async () => {
  const connect = shared();
  const release = heldNetwork();
  const lost = connect(HASTE).read(titles);
  await expect.poll(() => sent.length).toBe(1);
  network = Promise.resolve();
  const read = connect(PATIENCE).read(titles);
  await expect(lost).rejects.toBeInstanceOf(UnavailableFault);
  expect(await read).toHaveLength(1);
  release();
  expect(sent).toHaveLength(2);
  expect(await connect(PATIENCE).read(titles)).toHaveLength(1);
});

describe("the search lane", () => {
  const searchOf = (connect: Connect, search: string, time = PATIENCE) =>
    listBooks(connect(time), bookPaging.query.parse({ search }), undefined);

  /** Occupies the search lane, and returns a function that frees it. */
  async function busy() {
    const connect = shared(1);
    const release = heldNetwork();
    const slow = searchOf(connect, "Book 1");
    await expect.poll(() => sent.length).toBe(1);
    return { connect, slow, release };
  }

  test("waiting searches are shared until they are sent, and other reads overtake them", async () => {
    const { connect, slow, release } = await busy();
    network = Promise.resolve();
    const waiting = ["Book 2", "Book 3", "Book 2"].map((term) => searchOf(connect, term));
    expect(await titleOf(connect, idOf(4))).toBe("Book 5");
    await listBooks(connect(PATIENCE), bookPaging.query.parse({}), undefined);
    await listMovements(connect(PATIENCE), idOf(4), { limit: 20 }, undefined);
    expect(sent).toHaveLength(4);
    waiting.push(searchOf(connect, "Book 2"));
    release();
    const found = await Promise.all([slow, ...waiting]);
    expect(found.map(({ found }) => rowsIn(found).length)).toEqual([11, 2, 1, 2, 2]);
    expect(sent).toHaveLength(6);
  });

  test("a count waits in the search lane, too", async () => {
    const { connect, slow, release } = await busy();
    const listed = listBooksByNumber(connect(PATIENCE), bookPaging.query.parse({}), 1);
    const late = await listBooksByNumber(connect(HASTE), bookPaging.query.parse({}), 1).catch(
      (error) => error,
    );
    expect(late).toBeInstanceOf(UnavailableFault);
    expect(batches).toBe(0);
    release();
    await slow;
    expect((await listed).total).toBe(BOOKS);
    expect(batches).toBe(1);
  });

  test("a search whose time expires before its turn is not sent", async () => {
    const { connect, slow, release } = await busy();
    const late = await searchOf(connect, "Book 2", HASTE).catch((error) => error);
    expect(late).toBeInstanceOf(UnavailableFault);
    // Timers may fire a millisecond early.
    await sleep(2);
    release();
    expect(rowsIn((await slow).found).length).toBe(11);
    await searchOf(connect, "Book 3");
    expect(sent).toHaveLength(2);
  });

  test("a read that joins a waiting search has its whole time", async () => {
    const { connect, slow, release } = await busy();
    const [late, patient] = [HASTE, PATIENCE].map((time) =>
      searchOf(connect, "Book 2", time).catch((error) => error),
    );
    expect(await late).toBeInstanceOf(UnavailableFault);
    release();
    await slow;
    expect(rowsIn((await patient).found).length).toBe(2);
  });
});

describe("freshness of shared reads", () => {
  /** The wrong implementation: every read joins the query that runs. */
  const naive: Reads = (() => {
    const running = new Map<string, Promise<Record<string, unknown>[]>>();
    return {
      ...direct(driver).reads,
      query(statement, { deadline }) {
        const key = JSON.stringify([statement.text, statement.values]);
        const query =
          running.get(key) ?? driver.query(statement, deadline).finally(() => running.delete(key));
        running.set(key, query);
        return query;
      },
    };
  })();

  test.each([
    [
      "a shared read sees every write that returned before it began",
      () => batching(SEARCHES, TIMEOUT_MS),
      true,
    ],
    ["a read that joins a running query misses the write, as this test can detect", () => naive, false],
  ])("%s", async (_, reads, seen) => {
    const connect = connectOver({ ...direct(driver), reads: reads() });
    const title = `Changed ${Math.random()}`;
    const release = heldNetwork();
    const older = connect(PATIENCE).read<{ titles: string }>(titles);
    await expect.poll(() => answered).toBe(1);
    await database.sql("update books set title = $1 where id = $2", [title, idOf(0)]);
    const younger = connect(PATIENCE).read<{ titles: string }>(titles);
    release();
    expect((await older)[0]?.titles).not.toContain(title);
    expect((await younger)[0]?.titles.includes(title), "the younger read sees the write").toBe(seen);
  });
});

describe("a read that times out", () => {
  test.each(["the first, which caused the query", "one who joined"])(
    "a read that times out affects no other: %s",
    async (who) => {
      const connect = shared();
      const release = heldNetwork();
      const times = who.startsWith("the first") ? [HASTE, PATIENCE] : [PATIENCE, HASTE];
      const reads = times.flatMap((time) => [titleOf(connect, idOf(1), time), connect(time).read(titles)]);
      const settled = Promise.allSettled(reads);
      const gone = times.flatMap((time) => [time === HASTE, time === HASTE]);
      const leaving = reads.filter((_, at) => gone[at]);
      await Promise.all(leaving.map((read) => new Promise((resolve) => read.catch(resolve))));
      release();
      const outcomes = await settled;
      expect(outcomes.map(({ status }) => status === "rejected")).toEqual(gone);
      const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
      for (const reason of reasons) expect(reason).toBeInstanceOf(UnavailableFault);
    },
  );
});

test("a failing query fails all reads that share it, and later reads succeed", async () => {
  const connect = shared();
  await database.sql("alter table books rename to elsewhere");
  const outcomes = await Promise.allSettled([titleOf(connect, idOf(0)), connect(PATIENCE).read(titles)]);
  for (const outcome of outcomes)
    expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(SetupFault);
  await database.sql("alter table elsewhere rename to books");
  expect(await titleOf(connect, idOf(2))).toBe("Book 3");
  expect(await connect(PATIENCE).read(titles)).toHaveLength(1);
});

test("a query that fails after all its reads timed out has no effect", async () => {
  const connect = shared();
  const failing = sql`select 1 / 0`;
  const release = heldNetwork();
  const hasFailed = (read: Promise<unknown>) =>
    read.then(
      () => false,
      () => true,
    );
  const first = hasFailed(connect(2 * HASTE).read(failing));
  await expect.poll(() => sent.length).toBe(1);
  const next = hasFailed(connect(HASTE).read(failing));
  const lookup = hasFailed(titleOf(connect, idOf(0), HASTE));
  expect(await Promise.all([first, next, lookup])).toEqual([true, true, true]);
  release();
  // The next query is not sent. An unhandled rejection would fail the test run.
  await expect.poll(() => answered).toBe(2);
  expect(await connect(PATIENCE).read(titles)).toHaveLength(1);
});
