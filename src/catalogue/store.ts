/** A batch of an import in Postgres: one statement, which is one transaction and one round trip. */
import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../db/ports.ts";
import { books } from "../db/schema.ts";
import { bind, defineStatement, listOf, type Names, type Value } from "../db/statements.ts";
import { type BookRow, type DeletionRow, MEMBERS, type Member } from "./rows.ts";

export interface BatchPolicy {
  /** Writes nothing, and counts what would be written. */
  dryRun: boolean;
  /** Writes nothing if one row is refused. */
  strict: boolean;
  /** Sets the stock of withdrawn books to 0, and keeps them. */
  noDelete: boolean;
  /** The price of new books that have none, as decimal text. */
  defaultPrice: string | undefined;
  /** Who imports, for the movements of stock; nobody if the command does. */
  actor: string | undefined;
}

export type RefusalReason = "incomplete" | "zero_price_with_stock" | "id_taken";

/** What became of a batch. Items are numbers of its rows, from 1. */
export interface BatchOutcome {
  created: number;
  updated: number;
  deleted: number;
  unchanged: number;
  refused: { item: number; reason: RefusalReason }[];
  /** Books that others created or deleted meanwhile: nothing was written of them, and the same again will be. */
  overtaken: number[];
}

/** A row as JSON, with the members that the file has of it. */
export function itemOf(row: BookRow | DeletionRow): string {
  return JSON.stringify(
    row.kind === "book"
      ? { isbn: row.isbn, has: maskOf(row.book), ...originOf(row), ...row.book }
      : { isbn: row.isbn, has: 0, withdrawn: true },
  );
}

/** Writes rows of different books: {@link itemOf} each. */
export async function writeBatch(
  database: Database,
  items: readonly string[],
  { dryRun, strict, noDelete, defaultPrice, actor }: BatchPolicy,
): Promise<BatchOutcome> {
  const values = {
    rows: `[${items.join()}]`,
    defaultPrice: defaultPrice ?? null,
    strict,
    noDelete,
    movement: JSON.stringify({ actor, reason: "import" }),
    deletion: JSON.stringify({ book: "*", actor }),
  };
  const [outcome] = dryRun
    ? await database.read<Counts>(bind(rehearsal, values))
    : (((await database.batch("write", [bind(execution, values)]))[0] ?? []) as Counts[]);
  const { refused, overtaken, ...counts } = outcome as Counts;
  return { ...counts, refused: JSON.parse(refused ?? "[]"), overtaken: JSON.parse(overtaken ?? "[]") };
}

type Counts = Record<"created" | "updated" | "deleted" | "unchanged", number> &
  Record<"refused" | "overtaken", string | null>;

const bitOf = (name: Member) => 1 << MEMBERS.indexOf(name);
const maskOf = (book: object) =>
  MEMBERS.reduce((mask, name) => (name in book ? mask | bitOf(name) : mask), 0);

const REHEARSAL = { rows: "json", defaultPrice: "numeric", noDelete: "boolean" } as const;
const TYPES = { ...REHEARSAL, strict: "boolean", movement: "jsonb", deletion: "text" } as const;
type BatchValue = Value<Names<typeof REHEARSAL>>;

const originOf = ({ origin }: BookRow) =>
  origin && {
    origin_id: origin.id,
    origin_created_at: origin.created_at,
    origin_updated_at: origin.updated_at,
  };

const ORIGIN_TYPES = {
  origin_id: "uuid",
  origin_created_at: "timestamptz",
  origin_updated_at: "timestamptz",
};
const originColumns = Object.keys(ORIGIN_TYPES);
const columns = ["isbn", "has", "withdrawn", ...originColumns, ...MEMBERS];
const id = (name: string) => sql.identifier(name);
const names = (list: readonly string[], from = sql``) => listOf(list.map((name) => sql`${from}${id(name)}`));
const given = (name: Member) => sql`given.${id(name)}`;
const has = (name: Member) => sql`given.has & ${sql.raw(`${bitOf(name)}`)} <> 0`;

const TYPED: Partial<Record<string, string>> = { has: "int", withdrawn: "boolean", ...ORIGIN_TYPES };
const typed = listOf(
  columns.map((name) => sql`${id(name)} ${sql.raw(TYPED[name] ?? books[name as Member].getSQLType())}`),
);

const differs = sql.join(
  MEMBERS.map((name) => sql`${has(name)} and ${given(name)} is distinct from ${books[name]}`),
  sql` or `,
);
const merged = listOf(
  MEMBERS.map((name) => {
    const withdrawal = name === "stock" ? sql`when given.withdrawn then 0` : sql``;
    return sql`case ${withdrawal} when ${has(name)} then ${given(name)} else ${books[name]} end as ${id(name)}`;
  }),
);
const isFree = sql`price = 0 and stock > 0`;

/** Members that a new book has if the file does not: those of `BookInput`. */
const whenNew = (value: BatchValue): Partial<Record<Member, SQL>> => ({
  price: sql`coalesce(price, ${value("defaultPrice")})`,
  stock: sql`coalesce(stock, 0)`,
  subjects: sql`coalesce(subjects, '{}')`,
});

/**
 * The steps that a rehearsal shares. `changed` has the rows that differ from the table, `present` the books that they change,
 * `absent` the books that they add. A left join finds what differs before anything is locked: most rows of a file that is
 * imported again do not, and then cost a sixth of a write. Locks are taken by ascending id, as everywhere.
 */
const classified = (value: BatchValue, lock: SQL) => sql`
  given as materialized (
    select * from rows from (json_to_recordset(${value("rows")}) as (${typed})) with ordinality
      as given (${names(columns)}, item)
  ),
  changed as materialized (
    select given.*, ${books.id} as id from given left join ${books} on ${books.isbn} = given.isbn
    where case when ${books.id} is null then given.withdrawn is null
      when given.withdrawn then not ${value("noDelete")} or ${books.stock} <> 0
      else ${differs} end
  ),
  locked as materialized (
    select given.item, ${books.id} as id, given.withdrawn and not ${value("noDelete")} as is_deleted, ${merged}
    from changed as given join ${books} on ${books.id} = given.id order by ${books.id} ${lock}
  ),
  present as materialized (
    select *, case when is_deleted is not true and ${isFree} then 'zero_price_with_stock' end as reason from locked
  ),
  named as (
    select item, isbn, ${names(originColumns)}, ${listOf(MEMBERS.map((name) => sql`${whenNew(value)[name] ?? id(name)} as ${id(name)}`))}
    from changed where id is null
  ),
  absent as materialized (
    select *, case when title is null or author is null or price is null then 'incomplete'
      when ${isFree} then 'zero_price_with_stock'
      when exists (select from ${books} where ${books.id} = origin_id) then 'id_taken' end as reason from named
  ),
  refused as materialized (
    select item, reason from present where reason is not null
    union all select item, reason from absent where reason is not null
  )`;

const counted = (of: SQL) => sql`(select count(*)::int from ${of})`;
const unchanged = sql`${counted(sql`given`)} - ${counted(sql`changed`)} as unchanged`;
const refusedItems = sql`(select json_agg(refused order by item)::text from refused) as refused`;

const rehearsal = defineStatement({
  types: REHEARSAL,
  lane: "searches",
  build: (value) => sql`with ${classified(value, sql``)}
    select ${counted(sql`absent where reason is null`)} as created,
      ${counted(sql`present where reason is null and is_deleted is not true`)} as updated,
      ${counted(sql`present where is_deleted`)} as deleted, ${unchanged}, ${refusedItems}, null as overtaken`,
});

/** The time of an id (RFC 9562, 5.7), and then a counter, so that ids are in the order of the file. */
const orderedId = sql`encode(overlay(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(floor(extract(epoch from statement_timestamp()) * 1000)::bigint + item / 4096) from 3) from 1 for 6)
    placing int2send((28672 + item % 4096)::int2) from 7 for 2), 'hex')::uuid`;

const execution = defineStatement({
  types: TYPES,
  build: (value) => sql`with ${classified(value, sql`for update of ${books}`)},
    permission as materialized (
      select not ${value("strict")} or not exists (select from refused) as is_given,
        set_config('octavo.deletion', ${value("deletion")}, true)
    ),
    updated as (
      update ${books} set (${names(MEMBERS)}, next_movement) = row(${names(MEMBERS, sql`present.`)}, ${value("movement")})
      from present, permission
      where ${books.id} = present.id and present.reason is null and present.is_deleted is not true and is_given
      returning 1
    ),
    deleted as (
      delete from ${books} using present, permission
      where ${books.id} = present.id and present.is_deleted and is_given returning 1
    ),
    created as (
      insert into ${books} (id, isbn, created_at, updated_at, next_movement, ${names(MEMBERS)})
      select coalesce(origin_id, ${orderedId}), isbn, coalesce(origin_created_at, now()),
        coalesce(origin_updated_at, now()), ${value("movement")}, ${names(MEMBERS)}
      -- Counting makes the insertion wait for the locks.
      from absent, permission, (select count(*) from locked) as locks where reason is null and is_given
      order by isbn on conflict (isbn) do nothing returning isbn
    ),
    overtaken as (
      select item from absent, permission where reason is null and is_given and isbn not in (select isbn from created)
      union all
      select item from changed, permission where id is not null and is_given and id not in (select id from locked)
    )
    select ${counted(sql`created`)} as created, ${counted(sql`updated`)} as updated,
      ${counted(sql`deleted`)} as deleted, ${unchanged}, ${refusedItems},
      (select json_agg(item)::text from overtaken) as overtaken`,
});
