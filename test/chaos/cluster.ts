/** A Postgres of its own, which may be killed, with the app's role and a database. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type Postgres, startPostgres } from "../../dev/postgres.ts";
import { seed } from "../../dev/seed.ts";
import { withClient } from "../../ops/command.ts";
import { migrate } from "../../ops/migrations.ts";
import { grantPrivileges } from "../../ops/privileges.ts";
import { atEnd } from "../support/end.ts";

const DATABASE = "octavo";
/** Not a superuser, so that limits on connections hold for it. */
export const ROLE = "octavo_app";
const PASSWORD = "chaos";
const POLL_MS = 20;

/** The statement timeout, within the time that a request has for the database. */
const STATEMENT_TIMEOUT_MS = 2400;

export class Cluster {
  /** Where the app connects. It changes when the server restarts at another port. */
  readonly url: URL;
  readonly #directory: string;
  #postgres: Postgres;

  private constructor(directory: string, postgres: Postgres) {
    this.#directory = directory;
    this.#postgres = postgres;
    this.url = Object.assign(new URL(postgres.url(DATABASE)), { username: ROLE, password: PASSWORD });
  }

  /** Starts the server in a directory, and migrates the database. */
  static async start(directory: string): Promise<Cluster> {
    const cluster = new Cluster(directory, await launch(directory));
    atEnd(() => cluster.#postgres.stop());
    await cluster.#postgres.createDatabase(DATABASE);
    const owner = cluster.#postgres.url(DATABASE);
    await migrate(owner);
    await withClient(owner, async (client) => {
      await client.query(`create role ${ROLE} login password ${pg.escapeLiteral(PASSWORD)}`);
      await grantPrivileges(client, ROLE);
    });
    await cluster.alter(`set statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    // Deadlocks are found sooner than anything else ends the statements.
    await cluster.alter("set deadlock_timeout = '20ms'");
    return cluster;
  }

  /** Runs SQL as the owner, who has no time limit. */
  sql<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return withClient(this.#postgres.url(DATABASE), async (client) => {
      await client.query("set statement_timeout = 0; set default_transaction_read_only = off");
      return (await client.query<T>(text, values)).rows;
    });
  }

  /** Adds generated books. */
  fill(books: number): Promise<void> {
    return seed(this.#postgres.url(DATABASE), books, () => {});
  }

  /** Opens a session of the owner, for whoever disturbs the app. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#postgres.url(DATABASE) });
    client.on("error", () => {});
    await client.connect();
    await client.query("set statement_timeout = 0");
    return client;
  }

  /** Changes a setting of the database, for sessions that begin later. */
  async alter(change: string): Promise<void> {
    await this.sql(`alter database ${DATABASE} ${change}`);
  }

  /** Ends the app's sessions. */
  async endSessions(): Promise<void> {
    await this.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [ROLE]);
  }

  /** Kills the server at once, as a lack of memory would. Resolves when all its processes have gone. */
  async kill(): Promise<void> {
    const pidFile = join(this.#directory, "postgres", "postmaster.pid");
    const pid = Number.parseInt(await readFile(pidFile, "utf8"), 10);
    process.kill(pid, "SIGKILL");
    // Joins the end of the child, and gives the directory up.
    await this.#postgres.stop();
  }

  /** Starts the server after {@link kill}, which recovers what was committed. */
  async restart(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#postgres = await launch(this.#directory);
        break;
      } catch (error) {
        // Processes of the killed server may still be ending.
        if (attempt === 50) throw error;
        await sleep(POLL_MS * attempt);
      }
    }
    this.url.port = `${this.#postgres.port}`;
  }
}

const launch = (directory: string) =>
  // A killed process loses nothing that it gave to the system, so fsync is not what is tried here.
  startPostgres({ directory, flags: ["fsync=off", "max_connections=120"] });
