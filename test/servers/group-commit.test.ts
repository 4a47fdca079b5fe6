import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BookInput } from "../../src/books/book.ts";
import { createBook, readBook, updateBook } from "../../src/books/store.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { ConstraintFault, UnavailableFault } from "../../src/db/faults.ts";
import { groupedWrites } from "../../src/db/group-commit.ts";
import { type PooledDriver, pooledDriver } from "../../src/db/pool.ts";
import type { Connect, Driver } from "../../src/db/ports.ts";
import { MissingFault, type Resource, TakenFault } from "../../src/db/resource.ts";
import { Scheduler } from "../../src/db/scheduler.ts";
import { adjustStock } from "../../src/stock/store.ts";
import { changeStock } from "../../src/stock/transactions.ts";
import { createTask } from "../../src/tasks/store.ts";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const TIMEOUT_MS = 10_000;
const STOCK = 20;
const claimOf = (key: string) => ({ key, fingerprint: "f".repeat(64), status: 200, collection: null });
const SALE = { reason: "sale", reference: null };
const ACTOR = "tester";
const ANY_VERSION = { exists: false, oneOf: undefined, noneOf: undefined };
const MISSING = "00000000-0000-7000-8000-000000000000";

let database: TestDatabase;
let pool: PooledDriver;
let isbns = 0;
/** The number of statements sent alone, and the sizes of the batches. */
let sent: { alone: number; together: number[] };

const driver: Driver = {
  query(statement, deadline) {
    sent.alone++;
    return pool.query(statement, deadline);
  },
  batch(transaction, statements, deadline) {
    // The first statement of a batch sets the lock limit.
    sent.together.push(statements.length - 1);
    return pool.batch(transaction, statements, deadline);
  },
};

beforeAll(async () => {
  database = await createTestDatabase();
  pool = pooledDriver({ url: database.url, size: 4, timeout: TIMEOUT_MS });
});
beforeEach(() => {
  sent = { alone: 0, together: [] };
});
afterAll(() => pool.end());

const shared = (share = 1) => {
  const scheduler = new Scheduler({ capacity: 4, share });
  return connectOver({ ...direct(driver), writes: groupedWrites(driver, scheduler, share) });
};

const book = (isbn = isbnOf(isbns++), title = "A") =>
  BookInput.parse({ title, author: "B", isbn, price: 1, stock: STOCK });
/** A statement without a claim cannot be replayed. */
const create = (connect: Connect, isbn?: string, title?: string) =>
  createBook(connect(TIMEOUT_MS), book(isbn, title), ACTOR, undefined) as Promise<Resource>;
const sell = (connect: Connect, id: string, delta = -1, time = TIMEOUT_MS) =>
  adjustStock(connect(time), id, { delta, ...SALE }, ACTOR, undefined) as Promise<Resource>;
const stockOf = async (id: string) => {
  const [row] = await database.sql<{ stock: number; sum: number; sales: number }>(
    `select stock, sum(delta)::int as sum, count(*) filter (where reason = 'sale')::int as sales
     from books join stock_movements on book_id = books.id where books.id = $1 group by stock`,
    [id],
  );
  return row;
};
const outcomes = async <T>(calls: Promise<T>[]) =>
  (await Promise.allSettled(calls)).map((one) => (one.status === "fulfilled" ? "done" : one.reason));

describe("group commit", () => {
  test("writes that arrive while another runs commit together, get their own results, and never oversell", async () => {
    const connect = shared();
    const { id } = await create(connect);
    sent = { alone: 0, together: [] };
    const sales = await Promise.allSettled(Array.from({ length: STOCK + 5 }, () => sell(connect, id)));
    const stocks = sales.map((sale) =>
      sale.status === "rejected" ? sale.reason.refusal : JSON.parse(sale.value.json).stock,
    );
    expect(stocks).toEqual([
      ...Array.from({ length: STOCK }, (_, at) => STOCK - 1 - at),
      ...Array(5).fill("insufficient"),
    ]);
    expect(await stockOf(id)).toEqual({ stock: 0, sum: 0, sales: STOCK });
    expect(sent).toEqual({ alone: 1, together: [8, 8, 8] });
  });

  test("writes that arrive while another runs are one transaction", async () => {
    const connect = shared();
    const created = await Promise.all(Array.from({ length: 9 }, () => create(connect)));
    const rows = await database.sql<{ count: number }>(
      "select count(*)::int from books where id = any($1::uuid[]) group by xmin order by count",
      [created.map(({ id }) => id)],
    );
    expect(rows.map(({ count }) => count)).toEqual([1, 8]);
  });

  test("creations that arrive while another write runs are one statement, and each gets its own book", async () => {
    const connect = shared();
    const titles = ["first, alone", "[", "],[", '"', "\\", "{}", "ÀÉ", "😀", "null"];
    const created = await Promise.all(titles.map((title) => create(connect, undefined, title)));
    expect(created.map(({ json }) => JSON.parse(json).title)).toEqual(titles);
    for (const { id, json } of created) expect(JSON.parse(json).id).toBe(id);
    expect(sent).toEqual({ alone: 1, together: [1] });
  });

  test("a sale of several books shares no transaction, because locks before its own would break their order", async () => {
    const connect = shared();
    const made = await Promise.all([create(connect), create(connect)]);
    const lines = made.map(({ id }) => ({ id, delta: -1 }));
    sent = { alone: 0, together: [] };
    await Promise.all([
      ...made.map(({ id }) => sell(connect, id)),
      ...[1, 2].map(() => changeStock(connect(TIMEOUT_MS), { lines, ...SALE }, ACTOR, undefined)),
      ...made.map(({ id }) => sell(connect, id)),
    ]);
    expect(sent).toEqual({ alone: 4, together: [2] });
    for (const { id } of made) expect(await stockOf(id)).toEqual({ stock: 16, sum: 16, sales: 4 });
  });

  test("of two creations of one ISBN in a statement, one fails alone", async () => {
    const connect = shared();
    const isbn = isbnOf(isbns++);
    const found = await outcomes([
      create(connect),
      create(connect, isbn),
      create(connect, isbn),
      create(connect),
    ]);
    const failed = found.filter((outcome) => outcome !== "done");
    expect(failed).toEqual([expect.any(ConstraintFault)]);
    expect([found[0], found[3]]).toEqual(["done", "done"]);
    const rows = await database.sql("select from books where isbn = $1", [isbn]);
    expect(rows).toHaveLength(1);
  });

  test("a write with a taken ISBN or a missing book fails alone in its group", async () => {
    const connect = shared();
    const taken = isbnOf(isbns++);
    const { id } = await create(connect, taken);
    const found = await outcomes([
      sell(connect, id),
      create(connect),
      create(connect, taken),
      sell(connect, MISSING),
      sell(connect, id),
      create(connect),
    ]);
    expect(found.map((outcome) => outcome.constructor)).toEqual([
      String,
      String,
      TakenFault,
      MissingFault,
      String,
      String,
    ]);
    expect(await stockOf(id)).toEqual({ stock: STOCK - 2, sum: STOCK - 2, sales: 2 });
  });

  test("a group does not wait for a book that another transaction locks", async () => {
    const connect = shared();
    const { id: held } = await create(connect);
    const { id: free } = await create(connect);
    const release = await database.hold("select from books where id = $1 for update", [held]);
    let isHeldSold = false;
    const sales = [sell(connect, free), sell(connect, free), sell(connect, free)];
    const late = sell(connect, held).then(() => {
      isHeldSold = true;
    });
    await Promise.all(sales);
    await sell(connect, free);
    expect(isHeldSold, "the held book is sold").toBe(false);
    await release();
    await late;
    expect(await stockOf(free)).toMatchObject({ stock: STOCK - 4, sales: 4 });
    expect(await stockOf(held)).toMatchObject({ stock: STOCK - 1, sales: 1 });
  });

  test("writes that wait for a locked book do not delay other writes, however many wait", async () => {
    const connect = shared(2);
    const { id: held } = await create(connect);
    const { id: free } = await create(connect);
    const release = await database.hold("select from books where id = $1 for update", [held]);
    let answered = 0;
    const wait = Array.from({ length: 12 }, (_, at) => {
      const claim = at % 2 ? claimOf(`${at}`.padStart(64, "c")) : undefined;
      const sale = adjustStock(connect(TIMEOUT_MS), held, { delta: -1, ...SALE }, ACTOR, claim);
      return sale.then(() => answered++);
    });
    await expect.poll(database.waiting).toBeGreaterThan(0);
    for (let time = 0; time < 3; time++) {
      await Promise.all([
        sell(connect, free),
        create(connect),
        updateBook(connect(TIMEOUT_MS), free, { price: `${time + 2}.00` }, ACTOR, ANY_VERSION),
        createTask(connect(TIMEOUT_MS), { title: "Dust" }, undefined),
        createTask(connect(TIMEOUT_MS), { title: "Dust" }, claimOf(`${time}`.padStart(64, "d"))),
      ]);
    }
    expect(answered).toBe(0);
    await release();
    await Promise.all(wait);
    expect(await stockOf(held)).toMatchObject({ stock: STOCK - 12, sales: 12 });
  });

  test("writes that wait for a locked book leave connections for other writes, however many wait", async () => {
    const connect = shared();
    const { id } = await create(connect);
    const release = await database.hold("select from books where id = $1 for update", [id]);
    const claims = ["a", "b"].map((key) => claimOf(key.repeat(64)));
    const sales = [undefined, undefined, undefined, undefined, ...claims].map((claim) =>
      adjustStock(connect(TIMEOUT_MS), id, { delta: -1, ...SALE }, ACTOR, claim),
    );
    // One write runs until the lock limit, and another may wait until its deadline.
    await expect.poll(database.waiting).toBe(2);
    await expect.poll(database.waiting).toBe(1);
    expect(await readBook(connect(TIMEOUT_MS), { id })).toMatchObject({ id });
    await release();
    await Promise.all(sales);
    expect(await stockOf(id)).toMatchObject({ stock: STOCK - 6, sales: 6 });
  });

  test("a write is not executed after its deadline", async () => {
    const connect = shared();
    const { id } = await create(connect);
    const release = await database.hold("select from books where id = $1 for update", [id]);
    const first = sell(connect, id);
    const [late] = await outcomes([sell(connect, id, -1, 50)]);
    expect(late).toBeInstanceOf(UnavailableFault);
    await release();
    await first;
    await sell(connect, id);
    expect(await stockOf(id)).toMatchObject({ stock: STOCK - 2, sales: 2 });
  });

  test("a group is executed without the writes whose deadline has passed", async () => {
    const connect = shared();
    const { id } = await create(connect);
    const release = await database.hold("select from books where id = $1 for update", [id]);
    const first = sell(connect, id);
    const late = sell(connect, id, -1, 50);
    const live = sell(connect, id);
    expect(await outcomes([late])).toEqual([expect.any(UnavailableFault)]);
    await release();
    await Promise.all([first, live]);
    expect(await stockOf(id)).toEqual({ stock: STOCK - 2, sum: STOCK - 2, sales: 2 });
  });

  test("a group is not retried after its connection broke, because its outcome is unknown", async () => {
    const connect = shared();
    const { id } = await create(connect);
    const release = await database.hold("select from books where id = $1 for update", [id]);
    // The first write waits for the book. The others wait for the first, up to the lock limit.
    const found = outcomes([sell(connect, id), sell(connect, id), sell(connect, id)]);
    // The lock limit is a tenth of a second.
    const soon = { interval: 1, timeout: 10_000 };
    await expect.poll(database.waiting, soon).not.toBe(0);
    const breakWaiting = () =>
      database.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
    await breakWaiting();
    await expect.poll(async () => [sent.together.length, await database.waiting()], soon).not.toContain(0);
    await breakWaiting();
    for (const outcome of await found) expect(outcome).toBeInstanceOf(UnavailableFault);
    await release();
    expect(sent).toEqual({ alone: 2, together: [2] });
    expect(await stockOf(id)).toMatchObject({ stock: STOCK, sales: 0 });
  });
});

test("a write is sent alone and at once if no other runs", async () => {
  const connect = shared(3);
  await Promise.all(Array.from({ length: 3 }, () => create(connect)));
  expect(sent).toEqual({ alone: 3, together: [] });
});
