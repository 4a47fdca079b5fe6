import journal from "../../drizzle/meta/_journal.json" with { type: "json" };

/** The oldest PostgreSQL with the collation `pg_c_utf8`. */
const MIN_VERSION = 17;

/** What the server and the database are, whether or not they are migrated. */
export type DatabaseFacts = {
  version: string;
  version_num: number;
  encoding: string;
  has_icu: boolean;
  has_trgm: boolean;
  has_fuzzystrmatch: boolean;
};

/** Gives {@link DatabaseFacts}. It reads system catalogues alone, and so works on any database. */
export const DATABASE_FACTS = `current_setting('server_version') as version,
  current_setting('server_version_num')::int as version_num,
  getdatabaseencoding()::text as encoding,
  exists (select from pg_collation where collname = 'und-x-icu') as has_icu,
  exists (select from pg_available_extensions where name = 'pg_trgm') as has_trgm,
  exists (select from pg_available_extensions where name = 'fuzzystrmatch') as has_fuzzystrmatch`;

/** @returns a sentence for each requirement that the database does not meet */
export function unmetRequirements(facts: DatabaseFacts): string[] {
  return [
    ...(facts.version_num < MIN_VERSION * 10_000
      ? [`Octavo needs PostgreSQL ${MIN_VERSION} or later, but the server runs ${facts.version}.`]
      : []),
    ...(facts.encoding !== "UTF8"
      ? [
          `Octavo needs a database in UTF8, but this one is in ${facts.encoding}: create one with encoding UTF8.`,
        ]
      : []),
    ...(facts.has_icu ? [] : ["Octavo needs PostgreSQL with ICU, but the server was built without it."]),
    ...(facts.has_trgm ? [] : [missingExtension("pg_trgm")]),
    ...(facts.has_fuzzystrmatch ? [] : [missingExtension("fuzzystrmatch")]),
  ];
}

const missingExtension = (name: string) =>
  `Octavo needs the extension ${name}, which comes with postgresql-contrib.`;

/** The newest migration that this version knows, as its entry in `drizzle.__drizzle_migrations` names it. */
export const NEWEST_MIGRATION = journal.entries.at(-1)?.when ?? 0;
