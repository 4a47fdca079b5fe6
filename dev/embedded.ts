import { relative } from "node:path";
import pg from "pg";
import { withClient } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { grantPrivileges } from "../ops/privileges.ts";
import { authSecret, keptSecret } from "../ops/secret.ts";
import { usesProvider } from "../src/http/auth/settings.ts";
import type { EmbeddedDatabase } from "../src/runtimes/server.ts";
import { DATABASE, requireInstalled } from "./cli.ts";
import { startPostgres } from "./postgres.ts";
import { loadSample } from "./sample.ts";

/** The app's role. A superuser could run programs, and an owner could change the ledger. */
const APP_ROLE = "octavo_app";

/** The key of the advisory lock for changes to the role. */
const LOCK = 7_250_869;

/** The embedded Postgres with the app's database. */
export interface AppDatabase {
  /** The connection string for the app. */
  url: string;
  /** Resolves to the number of books when the database is migrated and the sample is loaded. */
  ready: Promise<number>;
  stop(): Promise<void>;
}

/** @throws StartupError */
export async function startDatabase(onProgress: (sentence: string) => void): Promise<AppDatabase> {
  const postgres = await startPostgres({ directory: DATA, onProgress });
  const owner = postgres.url(DATABASE);
  try {
    const password = await keptSecret("app-password");
    const prepare = async () => {
      await postgres.createDatabase(DATABASE);
      await migrate(owner, { onProgress });
      await withClient(owner, (client) => prepareRole(client, password));
      return loadSample(owner);
    };
    const ready = prepare();
    ready.catch(() => {});
    const url = Object.assign(new URL(owner), { username: APP_ROLE, password }).href;
    return { url, ready, stop: () => postgres.stop() };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** Creates the app's role, or updates its password, and grants it the privileges that the app needs. */
async function prepareRole(client: pg.Client, password: string): Promise<void> {
  // Keeps the password out of Postgres's log, which shows statements that fail.
  await client.query("begin; set local log_min_error_statement = panic");
  await client.query("select pg_advisory_xact_lock($1)", [LOCK]);
  const { rowCount } = await client.query("select from pg_roles where rolname = $1", [APP_ROLE]);
  const verb = rowCount === 0 ? "create" : "alter";
  await client.query(
    `${verb} role ${APP_ROLE} login nosuperuser nocreatedb nocreaterole password ${pg.escapeLiteral(password)}`,
  );
  await grantPrivileges(client, APP_ROLE);
  await client.query("commit");
}

/**
 * Starts the embedded Postgres for a server without DATABASE_URL. Tokens are verified with AUTH_SECRET or this checkout's
 * own secret, unless an identity provider is configured.
 *
 * @throws StartupError, for example without the development dependencies
 */
export async function startEmbedded(environment: NodeJS.ProcessEnv): Promise<EmbeddedDatabase> {
  requireInstalled();
  const { url, ready, stop } = await startDatabase(console.error);
  try {
    const books = await ready;
    const tokens = usesProvider(environment)
      ? { variables: {}, notice: "from your identity provider" }
      : { variables: { AUTH_SECRET: await authSecret() }, notice: "npm run token -- --role editor" };
    return {
      variables: { DATABASE_URL: url, ...tokens.variables },
      notice: `, with ${books} books in ${relative(process.cwd(), DATA) || DATA}\nWrites need a token: ${tokens.notice}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
