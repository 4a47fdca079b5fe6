import { fileURLToPath } from "node:url";
import { StartupError } from "../src/startup-error.ts";
import { migrate } from "./migrate.ts";
import { startPostgres } from "./postgres.ts";

/** The folder of the embedded database and of everything else that a checkout keeps to itself. */
export const DATA = process.env.DATA_DIR || fileURLToPath(new URL("../.data", import.meta.url));

/** Runs a command. What goes wrong in an expected way is one sentence on stderr and exit code 1. */
export async function command(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/** The embedded server's database. */
export const DATABASE = "octavo";

/** Does work on the database of DATABASE_URL, or else on the embedded one; up to date in any case. */
export async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const given = process.env.DATABASE_URL;
  if (given) {
    if (!URL.canParse(given)) throw new StartupError("DATABASE_URL is not a URL.");
    await migrate(given);
    return work(given);
  }
  const postgres = await startPostgres({ directory: DATA, onProgress: console.log });
  try {
    await postgres.createDatabase(DATABASE);
    await migrate(postgres.url(DATABASE));
    await work(postgres.url(DATABASE));
  } finally {
    await postgres.stop();
  }
}
