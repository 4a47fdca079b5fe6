import pg from "pg";
import { StartupError } from "../src/startup-error.ts";

/** Runs a command. A StartupError becomes a sentence on stderr and exit code 1. */
export async function command(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/**
 * Connects to a database, runs `work` on it, and disconnects.
 *
 * @throws StartupError if it cannot connect, or if Postgres rejects a statement: with Postgres's message, but without the
 *   detail, which may show a row
 */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  if (!URL.canParse(url)) throw new StartupError("DATABASE_URL is not a URL.");
  const client = new pg.Client({ connectionString: url, application_name: "octavo-ops" });
  // A broken connection also rejects its query. Without a listener, the event would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    const reason = (error as Error).message || "no answer";
    throw new StartupError(`The database at ${new URL(url).host} cannot be reached: ${reason}.`);
  }
  try {
    return await work(client);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    if (error instanceof pg.DatabaseError) throw new StartupError(refusalOf(error));
    if (/terminated|ECONNRESET|EPIPE/.test(`${error}`)) {
      throw new StartupError("The connection to the database broke. Run the command again.");
    }
    throw error;
  } finally {
    await client.end();
  }
}

/** Postgres's message, as a sentence. */
export function refusalOf({ message, code }: pg.DatabaseError): string {
  return `Postgres rejected the statement: ${message} (SQLSTATE ${code}).`;
}
