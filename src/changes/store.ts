/** The feed in Postgres. Triggers on `books` write `book_changes`: the transaction that last wrote each book, and tombstones. */
import { sql } from "drizzle-orm";
import { SetupFault } from "../db/faults.ts";
import type { Database } from "../db/ports.ts";
import { bookChanges, bookFeed, books } from "../db/schema.ts";
import { bind, defineStatement, type Value } from "../db/statements.ts";
import { MAX_LIMIT, MAX_PAGE_BYTES } from "./contract.ts";
import { type Gap, gapsOf, LAST_ID, type PageEnd, type Place, snapshotOf } from "./place.ts";

/** A page of the feed. */
export interface FoundChanges extends PageEnd {
  /** Changes as JSON objects, with commas between them. */
  changes: string;
  /** The end of the ids that the database has given to transactions. */
  end: bigint;
  isStandby: boolean;
}

type Found = {
  changes: string | null;
  last_xid: string | null;
  last_id: string | null;
  is_cut: boolean;
  snapshot: string;
  is_standby: boolean;
  at: string;
  home: string;
  removed_to: string;
  cluster: string | null;
};

const time = (value: ReturnType<typeof sql>) =>
  sql`to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The cluster, its timeline, which a restore to a point in time ends, the database, its table, and the epoch. */
const HOME = sql`concat_ws('.', (select system_identifier from pg_control_system()),
  (select timeline_id from pg_control_checkpoint()),
  (select oid from pg_database where datname = current_database()), '${bookChanges}'::regclass::oid, epoch)`;

type Given = Value<"after_xids" | "after_ids" | "before_xids" | "rows">;

/**
 * A gap without the transactions that are running now: nobody sees their rows, of which there may be a million. Those from
 * the end of the snapshot on run, too.
 */
const PART = sql`select coalesce(running, gap.after_xid) as after_xid,
    case when running is null then gap.after_id else ${LAST_ID}::uuid end as after_id,
    lead(running, 1, least(gap.before_xid, pg_snapshot_xmax(pg_current_snapshot()))) over (order by running nulls first) as before_xid
  from (
    select null::xid8 as running union all
    select xid from pg_snapshot_xip(pg_current_snapshot()) as xid where xid > gap.after_xid and xid < gap.before_xid
  ) as bounds`;

/**
 * The rows of the feed in the gaps of a place, and one more. The planner knows only the largest limit, which makes its costs
 * the same for a catalogue of any size.
 */
const unseen = (given: Given) => sql`select change.*
  from unnest(${given("after_xids")}, ${given("after_ids")}, ${given("before_xids")}) as gap (after_xid, after_id, before_xid)
  cross join lateral (${PART}) as part
  cross join lateral (
    select * from (
      select * from ${bookChanges} where (xid, book_id) > (part.after_xid, part.after_id) and xid < part.before_xid
      order by xid, book_id limit ${MOST}
    ) as most order by xid, book_id limit ${given("rows")} + 1
  ) as change
  order by xid, book_id limit ${given("rows")} + 1`;

const MOST = sql.raw(`${MAX_LIMIT + 1}`);

/** The sizes of these rows, summed up. OFFSET 0 keeps the planner from reading all books for a few. */
const MEASURED = sql`select unseen.*, json, book.isbn as book_isbn, book.version as book_version, updated_at,
    row_number() over so_far as number, sum(200 + coalesce(octet_length(json), 0)) over so_far as bytes
  from unseen left join lateral (select * from ${books} where id = book_id offset 0) as book on true
  window so_far as (order by xid, book_id rows unbounded preceding) order by xid, book_id`;

const CHANGE = sql`case when deleted_at is null then
    concat('{"id":"', book_id, '","isbn":"', book_isbn, '","kind":"changed","version":', book_version, ',"book":', json,
      ',"changed_at":"', ${time(sql`updated_at`)}, '"}')
  else
    concat('{"id":"', book_id, '","isbn":"', isbn, '","kind":"deleted","version":', version, ',"book":null',
      ',"changed_at":"', ${time(sql`deleted_at`)}, '"}')
  end`;

/**
 * A page and its moment, from one snapshot. now() is before it, so whatever was committed before now() is in the page. A
 * standby knows no better than the last commit that it has replayed.
 */
const page = defineStatement({
  types: { after_xids: "xid8[]", after_ids: "uuid[]", before_xids: "xid8[]", rows: "int" },
  lane: "searches",
  build: (value) => {
    // Hidden from the planner, which then makes one plan for all values: planning takes longer than an idle poll.
    const given: Given = (name) => sql`(select ${value(name)})`;
    return sql`with unseen as materialized (${unseen(given)})
      select changes, last_xid, last_id, (select count(*) from unseen) > taken as is_cut,
        pg_current_snapshot()::text as snapshot, pg_is_in_recovery() as is_standby,
        ${time(sql`case when pg_is_in_recovery() then pg_last_xact_replay_timestamp() else now() end`)} as at,
        ${HOME} as home, removed_to::text, cluster::text
      from ${bookFeed}, (
        select string_agg(${CHANGE}, ',') as changes, count(*) as taken,
          (array_agg(xid::text))[count(*)] as last_xid, (array_agg(book_id::text))[count(*)] as last_id
        from (${MEASURED}) as measured
        where number = 1 or (number <= ${given("rows")} and bytes <= ${sql.raw(`${MAX_PAGE_BYTES}`)})
      ) as page`;
  },
});

/**
 * Up to `limit` changes that a place has not seen.
 *
 * @throws SetupFault if the feed lacks books, or has ids of another cluster's transactions, as after a restore
 */
export async function listChanges(
  database: Database,
  place: Place | undefined,
  limit: number,
): Promise<FoundChanges> {
  const [found] = await database.read<Found>(bind(page, { ...valuesOf(gapsOf(place)), rows: limit }));
  if (found?.cluster == null)
    throw new SetupFault("The feed does not have all books yet: run npm run db:migrate.");
  const { changes, last_xid, last_id, is_cut, snapshot, is_standby, at, home, removed_to, cluster } = found;
  if (!home.startsWith(`${cluster}.`))
    throw new SetupFault("The feed was restored from another cluster: run npm run db:migrate.");
  return {
    changes: changes ?? "",
    last: last_xid === null ? undefined : { xid: BigInt(last_xid), id: `${last_id}` },
    isCut: is_cut,
    home,
    now: snapshotOf({ at, snapshot, isStandby: is_standby }),
    end: BigInt(`${snapshot.split(":")[1]}`),
    isStandby: is_standby,
    removedTo: BigInt(removed_to),
  };
}

const valuesOf = (gaps: Gap[]) => ({
  after_xids: gaps.map(({ after }) => `${after.xid}`),
  after_ids: gaps.map(({ after }) => after.id),
  before_xids: gaps.map(({ before }) => `${before}`),
});
