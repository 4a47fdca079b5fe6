/**
 * `npm run db:migrate`, or `node dist/migrate.js`: applies the migrations to the database of DATABASE_URL or, in a checkout,
 * to the embedded one. `--grant ROLE` grants a role the privileges that the app needs. `--wait SECONDS` limits the wait for
 * locks.
 */
import { parseArgs } from "node:util";
import { StartupError } from "../src/startup-error.ts";
import { command } from "./command.ts";
import { withDatabase } from "./database.ts";
import { type MigrateOptions, migrate } from "./migrations.ts";

await command(async () => {
  const options = { ...readOptions(), onProgress: print };
  await withDatabase((url) => report(migrate(url, options)));
});

async function report(migrating: Promise<number>): Promise<void> {
  const applied = await migrating;
  if (applied > 0) print(`${applied} migration${applied === 1 ? " was" : "s were"} applied.`);
  print("The database is up to date.");
}

function readOptions(): MigrateOptions {
  try {
    const { grant, wait } = parseArgs({
      options: { grant: { type: "string" }, wait: { type: "string", default: "60" } },
    }).values;
    if (grant !== "" && /^\d{1,5}$/.test(wait)) return { grantTo: grant, wait: Number(wait) };
  } catch {
    // Falls through to the usage.
  }
  throw new StartupError("Usage: npm run db:migrate [-- --grant ROLE --wait SECONDS]");
}

function print(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
