import { sql } from "drizzle-orm";
import { SetupFault } from "./faults.ts";
import type { Database } from "./ports.ts";
import { DATABASE_FACTS, type DatabaseFacts, NEWEST_MIGRATION, unmetRequirements } from "./requirements.ts";
import { bookFeed } from "./schema.ts";
import { bind, defineStatement } from "./statements.ts";

type Facts = DatabaseFacts & {
  migrated: string | null;
  has_timeout: boolean;
  has_feed: boolean;
  has_foreign_changes: boolean;
};

const FACTS = defineStatement({
  types: {},
  build: () => sql`select ${sql.raw(DATABASE_FACTS)},
    (select max(created_at)::text from drizzle.__drizzle_migrations) as migrated,
    current_setting('statement_timeout') <> '0' as has_timeout,
    exists (select from ${bookFeed} where cluster is not null) as has_feed,
    exists (select from ${bookFeed}, pg_control_system() where cluster <> system_identifier) as has_foreign_changes`,
});

const NO_TIMEOUT =
  "The database has no statement_timeout, as after a restore: run npm run db:migrate, or statements outlive their requests.";

const FOREIGN_CHANGES =
  "The feed of changes was restored from another cluster, and refuses all requests: run npm run db:migrate.";

/**
 * Asks the database whether it is what this version needs.
 *
 * @returns sentences for the operator about what works, but not as it should
 * @throws UnavailableFault, and SetupFault where the database answers and the app cannot run on it
 */
export async function checkReadiness(database: Database): Promise<string[]> {
  const [facts] = await database.read<Facts>(bind(FACTS, {}));
  if (!facts) throw new Error("the database did not tell about itself");
  const faults = unmetRequirements(facts);
  if (Number(facts.migrated ?? 0) < NEWEST_MIGRATION) {
    faults.push("The database lacks migrations of this version: run npm run db:migrate.");
  }
  if (!facts.has_feed) faults.push("The migration has not entered all books yet: run npm run db:migrate.");
  if (faults.length > 0) throw new SetupFault(faults.join(" "));
  return [
    ...(facts.has_timeout ? [] : [NO_TIMEOUT]),
    ...(facts.has_foreign_changes ? [FOREIGN_CHANGES] : []),
  ];
}
