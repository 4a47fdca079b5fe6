import { relative } from "node:path";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { authSecret } from "../ops/secret.ts";
import { DATABASE, requireInstalled } from "./cli.ts";
import { startPostgres } from "./postgres.ts";
import { loadSample } from "./sample.ts";

/** A database that was brought up for one server. */
export interface Embedded {
  /** Variables that the server's environment lacks. */
  variables: Record<string, string>;
  /** What to tell whoever started it. */
  notice: string;
  stop(): Promise<void>;
}

/**
 * Brings up the embedded Postgres for a server whose environment names no database: migrated, with the sample
 * catalogue, and with this checkout's own secret for tokens where the environment names no provider.
 *
 * @throws StartupError, also where the development dependencies are not installed
 */
export async function startEmbedded({ AUTH_JWKS_URL }: NodeJS.ProcessEnv): Promise<Embedded> {
  requireInstalled();
  const postgres = await startPostgres({ directory: DATA, onProgress: console.error });
  try {
    await postgres.createDatabase(DATABASE);
    const url = postgres.url(DATABASE);
    await migrate(url);
    const books = await loadSample(url);
    const tokens = AUTH_JWKS_URL
      ? { variables: {}, notice: "of your provider" }
      : { variables: { AUTH_SECRET: await authSecret() }, notice: "npm run token -- --role editor" };
    return {
      variables: { DATABASE_URL: url, ...tokens.variables },
      notice: `, with ${books} books in ${relative(process.cwd(), DATA) || DATA}\nWrites need a token: ${tokens.notice}`,
      stop: () => postgres.stop(),
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
