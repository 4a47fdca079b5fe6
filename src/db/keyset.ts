import { getTableName, type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Query, Value } from "./database.ts";

/**
 * A place between two rows of a listing: just before or just after the row with this sort key and id, whether or
 * not that row still is there; and the way to travel from it.
 */
export interface Position {
  direction: "forward" | "backward";
  side: "before" | "after";
  /** The sort key as the row's JSON has it, so that not a microsecond and not a cent is lost. */
  key: string;
  id: string;
}

/**
 * The rows of a page as Postgres gives them, in the listing's order: JSON objects with commas between them, or null where there
 * are none. One text costs all who handle it less than as many rows.
 */
export type Rows = { rows: string | null; count: number };

/** A total order of a table: by a column, and by id among rows with equal keys. */
export interface KeysetOrder {
  column: PgColumn;
  id: PgColumn;
  descending: boolean;
}

interface PageOptions {
  filters: SQL[];
  position: Position | undefined;
  limit: number;
  json: SQL;
}

/**
 * The query for `limit` rows and one more, which tells whether any follow, from `position` on in its direction of
 * travel. The comparison of whole (key, id) rows lets an index on both read just these rows, at any depth.
 */
export function keysetPage(table: PgTable, order: KeysetOrder, options: PageOptions): Query | SQL {
  // With filters, the best plan depends on their values.
  if (options.filters.length > 0) return keysetStatement(table, order, options);
  return {
    ...keysetQuery(table, order, { ...options, filters: () => [] }),
    // First pages are equal, and shared as a whole.
    ...(options.position && { types: { key: "text", from: "uuid", rows: "int" } }),
  };
}

/** The same as a query of its own shape. Its filters, too, have to be made of `value`, and their values added. */
export function keysetQuery(
  table: PgTable,
  order: KeysetOrder,
  { filters, ...options }: Omit<PageOptions, "filters"> & { filters(value: Value): SQL[] },
): Query {
  const { position } = options;
  const place = position ? `${position.direction} from ${position.side}` : "first";
  return {
    shape: `page of ${getTableName(table)} by ${order.column.name} ${order.descending ? "down" : "up"}, ${place}`,
    build: (value) => keysetStatement(table, order, { ...options, filters: filters(value) }, value),
    values: valuesOf(options),
  };
}

/** The statement for a page, with its values in it unless something else is to stand for them. */
function keysetStatement(
  table: PgTable,
  { column, id, descending }: KeysetOrder,
  options: PageOptions,
  value: Value = (name) => sql`${valuesOf(options)[name]}`,
): SQL {
  const { filters, position, json } = options;
  const ascending = descending === (position?.direction === "backward");
  const beyond = ({ direction, side }: Position) => {
    const inclusive = (direction === "forward") === (side === "before");
    const operator = sql.raw((ascending ? ">" : "<") + (inclusive ? "=" : ""));
    return sql`(${column}, ${id}) ${operator} (${value("key")}::${sql.raw(keyType(column))}, ${value("from")}::uuid)`;
  };
  const found = sql`select ${json} as json, ${column} as key, ${id} as id from ${table}
    ${where([...filters, ...(position ? [beyond(position)] : [])])}
    order by ${column} ${direction(ascending)}, ${id} ${direction(ascending)} limit ${value("rows")}`;
  const listed = sql`order by key ${direction(!descending)}, id ${direction(!descending)}`;
  return inOne(found, ascending === descending ? listed : sql``);
}

const valuesOf = ({ position, limit }: Pick<PageOptions, "position" | "limit">): Record<string, unknown> => ({
  key: position?.key,
  from: position?.id,
  rows: limit + 1,
});

/** The statement for the page that starts behind `offset` rows: what a page number means. */
export function offsetPage(
  table: PgTable,
  { column, id, descending }: KeysetOrder,
  { filters, offset, limit, json }: { filters: SQL[]; offset: number; limit: number; json: SQL },
): SQL {
  return inOne(sql`select ${json} as json from ${table} ${where(filters)}
    order by ${column} ${direction(!descending)}, ${id} ${direction(!descending)} limit ${limit} offset ${offset}`);
}

const inOne = (found: SQL, order = sql``) =>
  sql`select string_agg(json, ',' ${order}) as rows, count(*)::int as count from (${found}) page`;

export function where(conditions: SQL[]): SQL {
  return conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``;
}

const direction = (ascending: boolean) => sql.raw(ascending ? "asc" : "desc");

/** The type to read a key back as. Drizzle's type of a text column may go on with a collation. */
const keyType = (column: PgColumn) => column.getSQLType().replace(/ collate .*/, "");
