/** The feed in Postgres. Triggers on `books` write `book_changes`: the transaction that last wrote each book, and tombstones. */
import { sql } from "drizzle-orm";
import { SetupFault } from "../db/faults.ts";
import type { Database } from "../db/ports.ts";
import { bookChanges, bookFeed, books } from "../db/schema.ts";
import { bind, defineStatement } from "../db/statements.ts";
import { MAX_PAGE_BYTES } from "./contract.ts";
import { type Gap, gapsOf, type Place, type Row, type Snapshot, snapshotOf } from "./place.ts";

/** A page of the feed, and the moment that it shows. */
export interface FoundChanges {
  /** Changes as JSON objects, with a line feed between them. */
  lines: string | null;
  last: Row | undefined;
  /** Whether rows follow. */
  isCut: boolean;
  home: string;
  now: Snapshot;
  /** The end of the ids that the database has given to transactions. */
  end: bigint;
  isStandby: boolean;
  /** The newest transaction of which a tombstone was removed. */
  removedTo: bigint;
}

type Found = {
  lines: string | null;
  last_xid: string | null;
  last_id: string | null;
  is_cut: boolean;
  snapshot: string;
  is_standby: boolean;
  at: string;
  newest: string;
  home: string;
  removed_to: string;
  is_complete: boolean;
};

const time = (value: ReturnType<typeof sql>) =>
  sql`to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The cluster, its timeline, which a restore to a point in time ends, the database, its table, and the epoch. */
const HOME = sql`concat_ws('.', (select system_identifier from pg_control_system()),
  (select timeline_id from pg_control_checkpoint()),
  (select oid from pg_database where datname = current_database()), '${bookChanges}'::regclass::oid, epoch)`;

/**
 * A page of what a place has not seen, from one snapshot. OFFSET 0 keeps the planner from reading all books for a few.
 * now() is before the snapshot, so whatever was committed before it is in the page. A standby knows no better than the last
 * commit that it has replayed.
 */
const page = defineStatement({
  types: { after_xids: "xid8[]", after_ids: "uuid[]", before_xids: "xid8[]", rows: "int", bytes: "bigint" },
  lane: "searches",
  build: (value) => sql`with unseen as materialized (
      select change.* from unnest(${value("after_xids")}, ${value("after_ids")}, ${value("before_xids")})
        as gap (after_xid, after_id, before_xid)
      cross join lateral (
        select * from ${bookChanges} where (xid, book_id) > (gap.after_xid, gap.after_id) and xid < gap.before_xid
        order by xid, book_id limit ${value("rows")} + 1
      ) as change
      order by xid, book_id limit ${value("rows")} + 1
    ), measured as materialized (
      select unseen.*, json, book.isbn as book_isbn, book.version as book_version, updated_at,
        row_number() over so_far as number, sum(200 + coalesce(octet_length(json), 0)) over so_far as bytes
      from unseen left join lateral (select * from ${books} where id = book_id offset 0) as book on true
      window so_far as (order by xid, book_id rows unbounded preceding)
    ), page as materialized (
      select * from measured where number = 1 or (number <= ${value("rows")} and bytes <= ${value("bytes")})
    ), last as (select xid, book_id from page order by number desc limit 1)
    select ${lines()} as lines,
      (select xid::text from last) as last_xid, (select book_id::text from last) as last_id,
      (select count(*) from unseen) > (select count(*) from page) as is_cut,
      pg_current_snapshot()::text as snapshot, pg_is_in_recovery() as is_standby,
      ${time(sql`case when pg_is_in_recovery() then pg_last_xact_replay_timestamp() else now() end`)} as at,
      greatest(removed_to, (select xid from ${bookChanges} order by xid desc limit 1))::text as newest,
      ${HOME} as home, removed_to::text, is_complete
    from ${bookFeed}`,
});

const lines = () => sql`(select string_agg(case when deleted_at is null then
      concat('{"id":"', book_id, '","isbn":"', book_isbn, '","kind":"changed","version":', book_version, ',"book":', json,
        ',"changed_at":"', ${time(sql`updated_at`)}, '"}')
    else
      concat('{"id":"', book_id, '","isbn":"', isbn, '","kind":"deleted","version":', version, ',"book":null',
        ',"changed_at":"', ${time(sql`deleted_at`)}, '"}')
    end, E'\\n') from (select * from page order by number) as sorted)`;

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
  const [found] = await database.read<Found>(
    bind(page, { ...valuesOf(gapsOf(place)), rows: limit, bytes: MAX_PAGE_BYTES }),
  );
  if (!found?.is_complete)
    throw new SetupFault("The feed does not have all books yet: run npm run db:migrate.");
  const { lines, last_xid, last_id, is_cut, snapshot, is_standby, at, home, newest, removed_to } = found;
  const end = BigInt(`${snapshot.split(":")[1]}`);
  const last = last_xid === null ? undefined : { xid: BigInt(last_xid), id: `${last_id}` };
  if (last && last.xid >= end) {
    throw new SetupFault("The feed was restored from another cluster: run npm run db:migrate.");
  }
  return {
    lines,
    last,
    isCut: is_cut,
    home,
    now: snapshotOf({ at, snapshot, newest: BigInt(newest), isStandby: is_standby }),
    end,
    isStandby: is_standby,
    removedTo: BigInt(removed_to),
  };
}

const valuesOf = (gaps: Gap[]) => ({
  after_xids: gaps.map(({ after }) => `${after.xid}`),
  after_ids: gaps.map(({ after }) => after.id),
  before_xids: gaps.map(({ before }) => `${before}`),
});
