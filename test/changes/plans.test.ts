/** What a page of the feed reads, from EXPLAIN ANALYZE of the statement that the store sends, also as one plan for all values. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Place, Snapshot } from "../../src/changes/place.ts";
import { listChanges } from "../../src/changes/store.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import type { Row } from "../../src/db/ports.ts";
import type { Statement } from "../../src/db/statements.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const BOOKS = 20_000;
const LIMIT = 50;

let database: TestDatabase;
let now: Snapshot;

beforeAll(async () => {
  database = await createTestDatabase();
  // Of 200 transactions.
  await database.sql(`do $$ begin for t in 0..199 loop
    insert into books (title, author, isbn, price, stock)
      select 'A', 'B', (9780000000000 + t * 100 + n)::text, 1, 1 from generate_series(1, ${BOOKS / 200}) n;
    commit; end loop; end $$`);
  await database.sql("vacuum analyze books, book_changes");
  ({ now } = await listChanges(
    connect(async ({ text, values }) => database.sql(text, values)),
    undefined,
    1,
  ));
});

const connect = (query: (statement: Statement) => Promise<Row[]>) =>
  connectOver(direct({ query, batch: async () => [] }))(60_000);

interface Plan {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Shared Hit Blocks": number;
  "Shared Read Blocks": number;
  Plans?: Plan[];
}

const nodesIn = (plan: Plan): Plan[] => [plan, ...(plan.Plans?.flatMap(nodesIn) ?? [])];

/** The rows that a page reads of each table and by which index, and how many blocks it reads in all. */
async function readsOf(place: Place | undefined, mode: string) {
  let statement: Statement | undefined;
  const recording = connect(async (sent) => {
    statement = sent;
    return [];
  });
  await listChanges(recording, place, LIMIT).catch(() => {});
  const { text = "", values = [] } = statement ?? {};
  const client = await database.connect();
  try {
    const list = values.map((value) => (Array.isArray(value) ? `'{${value.join()}}'` : `'${value}'`));
    await client.query(`set plan_cache_mode = ${mode}; prepare page as ${text}`);
    const { rows } = await client.query(
      `explain (analyze, buffers, format json) execute page (${list.join()})`,
    );
    const plan: Plan = rows[0]["QUERY PLAN"][0].Plan;
    const scans = nodesIn(plan)
      .filter((node) => ["book_changes", "books"].includes(`${node["Relation Name"]}`))
      .map((node) => [
        node["Index Name"] ?? node["Node Type"],
        (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"],
      ]);
    return { scans, blocks: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] };
  } finally {
    await client.end();
  }
}

/** The probe of books is never made. */
const NO_ROW = [
  ["book_changes_xid_idx", 0],
  ["books_pkey", 0],
];

const place = (members: Partial<Place>): Place => ({
  home: "",
  seen: undefined,
  walk: undefined,
  ...members,
});

describe.each(["force_custom_plan", "force_generic_plan"])("with %s", (mode) => {
  test("an idle poll is a probe of an index at its end, which finds no row", async () => {
    const { scans, blocks } = await readsOf(place({ seen: now }), mode);
    expect(scans).toEqual(NO_ROW);
    expect(blocks).toBeLessThan(20);
  });

  test("each transaction that was running costs a probe", async () => {
    const running = Array.from({ length: 20 }, (_, at) => now.xmax + BigInt(at));
    const { scans, blocks } = await readsOf(place({ seen: { ...now, xmax: now.xmax + 20n, running } }), mode);
    expect(scans).toEqual(NO_ROW);
    expect(blocks).toBeLessThan(20 + 20 * 4);
  });

  test("a page reads limit + 1 rows, at any depth", async () => {
    const [deep] = await database.sql<{ xid: string; id: string }>(
      `select xid::text, book_id::text as id from book_changes order by xid, book_id offset ${BOOKS * 0.9} limit 1`,
    );
    const last = { xid: BigInt(`${deep?.xid}`), id: `${deep?.id}` };
    // Tests of other files run transactions on the same server, each of which costs a probe.
    await vi.waitFor(async () => {
      const first = await readsOf(undefined, mode);
      const later = await readsOf(place({ walk: { from: now, last } }), mode);
      for (const { scans } of [first, later]) {
        expect(scans.toSorted()).toEqual([
          ["book_changes_xid_idx", LIMIT + 1],
          ["books_pkey", LIMIT + 1],
        ]);
      }
      expect(Math.abs(later.blocks - first.blocks)).toBeLessThan(first.blocks / 5);
    }, 10_000);
  });
});

test("a poll does not read what a running transaction has written, however much", async () => {
  const client = await database.connect();
  await client.query("begin; update books set pages = 1 where isbn < '9780000005000'");
  try {
    const alone = await readsOf(place({ seen: now }), "force_generic_plan");
    expect(alone.blocks).toBeLessThan(60);
    // Behind the end of a later transaction, the running one is within the snapshot.
    await database.sql("update books set pages = 2 where isbn = '9780000019999'");
    const within = await readsOf(place({ seen: now }), "force_generic_plan");
    expect(within.blocks).toBeLessThan(60);
  } finally {
    await client.query("rollback");
    await client.end();
  }
});
