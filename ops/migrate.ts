/**
 * `npm run db:migrate`, or `node dist/migrate.js`: brings the database of DATABASE_URL up to date. `--grant ROLE` gives a
 * role what the app needs, `--wait SECONDS` says how long to wait for locks. In a checkout without DATABASE_URL it is the
 * embedded database.
 */
import { parseArgs } from "node:util";
import { StartupError } from "../src/startup-error.ts";
import { command } from "./command.ts";
import { type MigrateOptions, migrate } from "./migrations.ts";

await command(async () => {
  const options = { ...readOptions(), onProgress: tell };
  const url = process.env.DATABASE_URL;
  if (url) await report(migrate(url, options));
  else {
    const { withEmbedded } = await import("../dev/cli.ts");
    await withEmbedded((url) => report(migrate(url, options)));
  }
});

async function report(migrating: Promise<number>): Promise<void> {
  const applied = await migrating;
  if (applied > 0) tell(`${applied} migration${applied === 1 ? " was" : "s were"} applied.`);
  tell("The database is up to date.");
}

function readOptions(): MigrateOptions {
  try {
    const { grant, wait } = parseArgs({
      options: { grant: { type: "string" }, wait: { type: "string", default: "60" } },
    }).values;
    if (grant !== "" && /^\d{1,5}$/.test(wait)) return { grantTo: grant, wait: Number(wait) };
  } catch {
    // The usage below says it.
  }
  throw new StartupError("Usage: npm run db:migrate [-- --grant ROLE --wait SECONDS]");
}

function tell(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
