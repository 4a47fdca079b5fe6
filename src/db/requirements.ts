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

interface Requirement {
  isMet(facts: DatabaseFacts): boolean;
  /** A sentence about a database that does not meet it. */
  fault(facts: DatabaseFacts): string;
}

const extension = (name: string, isMet: Requirement["isMet"]): Requirement => ({
  isMet,
  fault: () => `Octavo needs the extension ${name}, which comes with postgresql-contrib.`,
});

/** What Octavo requires of a database. */
export const REQUIREMENTS = {
  version: {
    isMet: ({ version_num }) => version_num >= MIN_VERSION * 10_000,
    fault: ({ version }) =>
      `Octavo needs PostgreSQL ${MIN_VERSION} or later, but the server runs ${version}.`,
  },
  encoding: {
    isMet: ({ encoding }) => encoding === "UTF8",
    fault: ({ encoding }) =>
      `Octavo needs a database in UTF8, but this one is in ${encoding}: create one with encoding UTF8.`,
  },
  icu: {
    isMet: ({ has_icu }) => has_icu,
    fault: () => "Octavo needs PostgreSQL with ICU, but the server was built without it.",
  },
  pg_trgm: extension("pg_trgm", ({ has_trgm }) => has_trgm),
  fuzzystrmatch: extension("fuzzystrmatch", ({ has_fuzzystrmatch }) => has_fuzzystrmatch),
} satisfies Record<string, Requirement>;

/** @returns a sentence for each requirement that the database does not meet */
export function unmetRequirements(facts: DatabaseFacts): string[] {
  return Object.values<Requirement>(REQUIREMENTS)
    .filter(({ isMet }) => !isMet(facts))
    .map(({ fault }) => fault(facts));
}

/** The newest migration that this version knows, as its entry in `drizzle.__drizzle_migrations` names it. */
export const NEWEST_MIGRATION = journal.entries.at(-1)?.when ?? 0;
