import type pg from "pg";
import journal from "../drizzle/meta/_journal.json" with { type: "json" };

/** What the list of migrations in a database says to this version. */
export interface Pending {
  /** The names of the migrations to apply. */
  migrations: string[];
  /** Whether the database has migrations of a later version. */
  isNewer: boolean;
}

/** Reads the list of migrations, as a role that may. */
export async function readPending(client: pg.Client): Promise<Pending> {
  const { rows } = await client.query<{ exists: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as exists",
  );
  const list = rows[0]?.exists
    ? await client.query<{ last: string | null }>(
        "select max(created_at)::text as last from drizzle.__drizzle_migrations",
      )
    : undefined;
  const last = Number(list?.rows[0]?.last ?? 0);
  return {
    migrations: journal.entries.filter(({ when }) => when > last).map(({ tag }) => tag),
    isNewer: last > (journal.entries.at(-1)?.when ?? 0),
  };
}
