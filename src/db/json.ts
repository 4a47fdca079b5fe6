import { type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";

/**
 * A JSON object as text, written by Postgres: the same bytes on every driver and runtime, in the order given, without
 * white space.
 */
export function jsonObject(members: Record<string, PgColumn | SQL>): SQL<string> {
  const columns = Object.entries(members).map(([name, value]) => sql`${value} as ${sql.identifier(name)}`);
  return sql`(select row_to_json(members)::text from (select ${sql.join(columns, sql`, `)}) members)`;
}

/** A timestamp as the API writes it: RFC 3339, UTC, always six fractional digits. */
export function instant(column: PgColumn): SQL {
  return sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
