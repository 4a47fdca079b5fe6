import { DATA } from "../ops/data.ts";
import { startPostgres } from "./postgres.ts";

/** The embedded server's database. */
export const DATABASE = "octavo";

/** Starts the embedded Postgres for some work on its database, which the work has to migrate. */
export async function withEmbedded(work: (url: string) => Promise<void>): Promise<void> {
  const postgres = await startPostgres({ directory: DATA, onProgress: console.log });
  try {
    await postgres.createDatabase(DATABASE);
    await work(postgres.url(DATABASE));
  } finally {
    await postgres.stop();
  }
}
