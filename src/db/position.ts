/** How far a database was when it had committed a write, and how a replica tells whether it has come as far. */
import { type SQL, sql } from "drizzle-orm";
import { bind, compiler, defineStatement, type Statement } from "./statements.ts";

/**
 * A place in the log of a cluster (`lsn`), or the id of one of its transactions (`xid`) that began after all that it covers was
 * committed.
 */
export interface Position {
  /** The cluster and its timeline. */
  home: string;
  kind: "lsn" | "xid";
  value: number;
}

/** Who may read from a replica. */
export interface Reader {
  /** The position in this cluster that the reader has to see; undefined if it has seen none. */
  after(home: string): Position | undefined;
}

/** What a driver's mark returns, as text. */
export type Mark = { home: string; kind: Position["kind"]; value: string };

/** How a replica stands. */
export type Standing = {
  is_standby: boolean;
  cluster: string;
  /** Seconds; null if it has replayed no transaction since its start. */
  lag: number | null;
  has_come: boolean;
};

/** The control file knows a new timeline only after the next checkpoint; the name of a segment knows it at once. */
const HOME = sql`concat_ws('.', (select system_identifier from pg_control_system()),
  left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))`;

const compile = compiler();

/** Makes the statement that tells a position. */
export const markOf = (kind: Position["kind"], value: SQL): Statement =>
  compile(
    bind(
      defineStatement({
        types: {},
        build: () => sql`select ${HOME} as home, ${sql.raw(`'${kind}'`)} as kind, (${value})::text as value`,
      }),
      {},
    ),
  );

/** Tells the home of a primary. */
export const IDENTITY = compile(
  bind(defineStatement({ types: {}, build: () => sql`select ${HOME} as home` }), {}),
);

/**
 * A standby that has replayed all that its receiver got is up to date, however long ago the last commit was. A transaction
 * from the end of the snapshot on is unknown to the standby, and asking for its status would be an error.
 */
const standing = defineStatement({
  types: { lsn: "numeric", xid: "xid8" },
  build: (value) => sql`select pg_is_in_recovery() as is_standby,
    (select system_identifier::text from pg_control_system()) as cluster,
    extract(epoch from case when pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()
      and exists (select from pg_stat_wal_receiver) and pg_last_xact_replay_timestamp() is not null then '0'
      else clock_timestamp() - pg_last_xact_replay_timestamp() end)::float8 as lag,
    coalesce(pg_last_wal_replay_lsn() >= '0/0'::pg_lsn + ${value("lsn")}, ${value("lsn")} is null)
      and case when ${value("xid")} >= pg_snapshot_xmax(pg_current_snapshot()) then false
        else coalesce(pg_xact_status(${value("xid")}) <> 'in progress', true) end as has_come`,
});

/** Asks a replica how it stands, and whether it has come to a position. */
export function standingAt(position: Position | undefined): Statement {
  const textOfKind = (kind: Position["kind"]) => (position?.kind === kind ? `${position.value}` : null);
  return compile(bind(standing, { lsn: textOfKind("lsn"), xid: textOfKind("xid") as string }));
}

export const positionOf = ({ home, kind, value }: Mark): Position => ({ home, kind, value: Number(value) });

/** The later of two positions. Those of different homes or kinds have no order: then it is the second. */
export function furthest(one: Position | undefined, other: Position): Position {
  const isComparable = one?.home === other.home && one.kind === other.kind;
  return isComparable && one.value > other.value ? one : other;
}

/** Digits of base 36, enough for 2^53. */
const DIGITS = 11;

/** A position without its home, as a text in which later ones sort after earlier ones. */
export const textOf = ({ kind, value }: Position): string =>
  `${kind[0]}${value.toString(36).padStart(DIGITS, "0")}`;

/** @param text what {@link textOf} wrote */
export const positionIn = (home: string, text: string): Position => ({
  home,
  kind: text.startsWith("l") ? "lsn" : "xid",
  value: Number.parseInt(text.slice(1), 36),
});
