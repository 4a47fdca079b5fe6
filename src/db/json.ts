import { type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";

/**
 * A row as a JSON object, in text that Postgres writes: the same bytes on every driver and runtime, without white space.
 *
 * @param names the columns, or expressions in their place, in the order of the members
 */
export function jsonObject<Name extends string>(
  table: Record<Name, PgColumn | SQL>,
  names: readonly Name[],
): SQL<string> {
  const columns = names.map((name) => sql`${expressionOf(table[name])} as ${sql.identifier(name)}`);
  return sql`(select row_to_json(members)::text from (select ${sql.join(columns, sql`, `)}) members)`;
}

/** Timestamps are RFC 3339, UTC, with six fractional digits. */
const expressionOf = (column: PgColumn | SQL) =>
  "getSQLType" in column && column.getSQLType().startsWith("timestamp")
    ? sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
    : sql`${column}`;
