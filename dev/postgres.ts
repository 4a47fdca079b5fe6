import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import pg from "pg";
import { findBinaries } from "./postgres/binaries.ts";
import { checkCluster, createCluster, hasCluster, readPassword, USER } from "./postgres/cluster.ts";
import { asStartupError } from "./postgres/errors.ts";
import { announce, claim } from "./postgres/owner.ts";
import { HOST, startServer, stopChild, stopLeftover } from "./postgres/server.ts";
import { findSite } from "./postgres/site.ts";

/** A running server; `user` is its superuser. */
export interface Postgres {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Returns the connection string of a database, which need not exist. */
  url(database: string): string;
  /** Creates a database, as a copy of `template` if given. Does nothing if the database exists. */
  createDatabase(name: string, template?: string): Promise<void>;
  /** Stops the server; does nothing if another process owns it. */
  stop(): Promise<void>;
}

interface Options {
  directory: string;
  flags?: string[];
  onProgress?: (sentence: string) => void;
}

/**
 * Starts Postgres on `<directory>/postgres`, creating the cluster on the first start, or joins the server that another live
 * process runs there. First stops a server that a killed process left behind.
 *
 * @param options.directory contains the data, the log (`postgres.log`) and the password; created if missing
 * @param options.flags settings that override the defaults, such as `fsync=off`
 * @param options.onProgress receives a sentence about each slow or notable step
 * @throws {StartupError} if the server cannot be started
 */
export async function startPostgres(options: Options): Promise<Postgres> {
  const { flags = [], onProgress = () => {} } = options;
  const directory = resolve(options.directory);
  try {
    const site = await findSite(directory, onProgress);
    const portOfOwner = await claim(site);
    if (portOfOwner !== undefined) return serverAt(portOfOwner, await readPassword(site), async () => {});
    const release = () => rm(site.owner, { force: true });
    try {
      const binaries = await findBinaries(site);
      await stopLeftover(site, onProgress);
      if (await hasCluster(site)) await checkCluster(site, binaries);
      else await createCluster(site, binaries, onProgress);
      const password = await readPassword(site);
      const { child, port } = await startServer(site, binaries, flags);
      await announce(site, port);
      let stopping: Promise<void> | undefined;
      return serverAt(port, password, () => {
        stopping ??= stopChild(child).finally(release);
        return stopping;
      });
    } catch (error) {
      await release();
      throw error;
    }
  } catch (error) {
    throw asStartupError(error, directory);
  }
}

function serverAt(port: number, password: string, stop: () => Promise<void>): Postgres {
  const url = (database: string) =>
    `postgres://${USER}:${password}@${HOST}:${port}/${encodeURIComponent(database)}`;
  return {
    port,
    user: USER,
    password,
    url,
    stop,
    async createDatabase(name, template) {
      const client = new pg.Client({ connectionString: url("postgres") });
      await client.connect();
      try {
        const copy = template === undefined ? "" : `template ${pg.escapeIdentifier(template)}`;
        await client.query(`create database ${pg.escapeIdentifier(name)} ${copy}`);
      } catch (error) {
        // The second code is for a concurrent creation.
        const alreadyExists =
          error instanceof pg.DatabaseError && ["42P04", "23505"].includes(`${error.code}`);
        if (!alreadyExists) throw error;
      } finally {
        await client.end();
      }
    },
  };
}
