import { type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import {
  bind,
  type Definition,
  type Names,
  type Query,
  type Types,
  type Value,
  type Values,
} from "./statements.ts";

/**
 * A place between two rows of a listing, just before or after the row with this sort key and id, whether or not that row
 * still exists; and the direction of travel.
 */
export interface ListingPosition {
  direction: "forward" | "backward";
  side: "before" | "after";
  /** The sort key as in the row's JSON, so that no microsecond and no cent is lost. */
  key: string;
  id: string;
  /** What the listing keeps of its first page: JSON in a form of its own. */
  state?: unknown;
}

/**
 * The rows of a page in the direction of travel, as JSON objects with a line feed between them, which no JSON of Postgres
 * holds; null without rows. One text costs the server less than as many rows.
 */
export type Lines = {
  lines: string | null;
  /** The sort keys of the rows, separated by commas, if their JSON does not have them. */
  keys?: string | null;
  /** What the cursors of the page keep, as JSON: see {@link ListingPosition}. */
  state?: string | null;
};

export const rowsIn = ({ lines }: Lines): string[] => lines?.split("\n") ?? [];

/** A total order of a table: by a key, and by id among rows with equal keys. */
export interface KeysetOrder {
  /** Not null. */
  key: SQL;
  /** The SQL type of the key. */
  type: string;
  id: PgColumn;
  descending: boolean;
  /** Joins the table of the key and the id, if they are of another. */
  join?: SQL;
  /** What the filters say of the key, so that an index on it is read in part. */
  bounds?: SQL[];
}

interface PageOptions {
  /** A part of the table, under its name; else all of it. */
  from?: SQL | undefined;
  filters: SQL[];
  position: ListingPosition | undefined;
  limit: number;
  json: SQL;
}

/**
 * Makes the query for a page: `limit` rows and one more, which tells whether any follow, from `position` on and in its
 * direction of travel. `values` are those of the filters.
 */
export type Pages<T extends Types> = (
  position: ListingPosition | undefined,
  limit: number,
  values: Values<T>,
) => Query;

interface ListingOptions<T extends Types> {
  json: SQL;
  /** The SQL types of the filters' values. */
  types: T;
  filters?: (value: Value<Names<T>>) => SQL[];
  /** Wraps the statement of the page in another. */
  around?: (page: SQL, value: Value<Names<T>>) => SQL;
}

/**
 * Defines the pages of a listing: the first page, and those from a position on in each direction of travel. The comparison
 * of whole (key, id) rows lets an index on both read just the rows of the page, at any depth.
 */
export function definePages<const T extends Types>(
  table: PgTable,
  order: KeysetOrder,
  { json, types, filters = () => [], around = (page) => page }: ListingOptions<T>,
): Pages<T> {
  const define = (place: Place | undefined): Definition => ({
    types: { ...types, rows: "int", ...(place && { key: order.type, from: "uuid" }) },
    build: (value) =>
      around(pageStatement(table, order, { filters: filters(value), place, json }, value), value),
    // First pages are equal, and shared as a whole.
    ...(place && Object.keys(types).length === 0 && { grouping: "join" }),
  });
  const first = define(undefined);
  const from = {
    forward: {
      before: define({ direction: "forward", side: "before" }),
      after: define({ direction: "forward", side: "after" }),
    },
    backward: {
      before: define({ direction: "backward", side: "before" }),
      after: define({ direction: "backward", side: "after" }),
    },
  };
  return (position, limit, values) =>
    bind(position ? from[position.direction][position.side] : first, {
      ...values,
      ...placeValues(position, limit),
    });
}

/** Makes the statement for a page with filters. It contains their values, because the best plan depends on them. */
export function filteredPage(
  table: PgTable,
  order: KeysetOrder,
  { from, filters, position, limit, json }: PageOptions,
): SQL {
  const values = placeValues(position, limit);
  const types: Types = { key: order.type, from: "uuid", rows: "int" };
  const value = (name: string) => sql`${values[name]}::${sql.raw(`${types[name]}`)}`;
  return pageStatement(table, order, { from, filters, place: position, json }, value);
}

type Place = Pick<ListingPosition, "direction" | "side">;

function pageStatement(
  table: PgTable,
  { key, id, descending, join = sql``, bounds = [] }: KeysetOrder,
  { from, filters, place, json }: Omit<PageOptions, "position" | "limit"> & { place: Place | undefined },
  value: Value,
): SQL {
  const ascending = descending === (place?.direction === "backward");
  const beyond = ({ direction, side }: Place) => {
    const inclusive = (direction === "forward") === (side === "before");
    const operator = sql.raw((ascending ? ">" : "<") + (inclusive ? "=" : ""));
    return sql`(${key}, ${id}) ${operator} (${value("key")}, ${value("from")})`;
  };
  return inLines(sql`select ${json} as json from ${from ?? table} ${join}
    ${where([...filters, ...bounds, ...(place ? [beyond(place)] : [])])}
    order by ${key} ${ascOrDesc(ascending)}, ${id} ${ascOrDesc(ascending)} limit ${value("rows")}`);
}

const placeValues = (position: ListingPosition | undefined, limit: number): Record<string, unknown> => ({
  ...(position && { key: position.key, from: position.id }),
  rows: limit + 1,
});

/** The statement for the page that starts after `offset` rows, as a page number asks for it. */
export function offsetPage(
  table: PgTable,
  { key, id, descending, join = sql``, bounds = [] }: KeysetOrder,
  { from, filters, offset, limit, json }: Omit<PageOptions, "position"> & { offset: number },
): SQL {
  return inLines(sql`select ${json} as json from ${from ?? table} ${join} ${where([...filters, ...bounds])}
    order by ${key} ${ascOrDesc(!descending)}, ${id} ${ascOrDesc(!descending)} limit ${limit} offset ${offset}`);
}

const inLines = (rows: SQL) => sql`select string_agg(json, E'\\n') as lines from (${rows}) page`;

export function where(conditions: SQL[]): SQL {
  return conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``;
}

const ascOrDesc = (ascending: boolean) => sql.raw(ascending ? "asc" : "desc");

/** The order by a column. Drizzle's type of a text column may end with a collation, which a value does not need. */
export const orderBy = (column: PgColumn, id: PgColumn, descending: boolean): KeysetOrder => ({
  key: sql`${column}`,
  type: column.getSQLType().replace(/ collate .*/, ""),
  id,
  descending,
});
