import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { findBinaries } from "../../dev/postgres/binaries.ts";
import { findSite, type Site } from "../../dev/postgres/site.ts";
import { startPostgres } from "../../dev/postgres.ts";
import { atEnd } from "./end.ts";
import { freePort } from "./port.ts";

/** A cluster of its own with a standby. Both stop when the test file ends. */
export interface Replicated {
  primary: string;
  standby: string;
}

/** What belongs to the running primary, and not to a copy of its files. */
const LEFT_OUT = /\/(postmaster\.(pid|opts)|pg_wal\/\d|pg_replslot\/|pg_notify\/|pg_stat_tmp\/)/;

const START_TIMEOUT_MS = 30_000;

/** @param database the name of the database in the connection strings */
export async function startReplicated(database: string): Promise<Replicated> {
  const folders = await Promise.all([temporary(), temporary()]);
  const [primarySite, standbySite] = await Promise.all(folders.map((folder) => findSite(folder, () => {})));
  if (!primarySite || !standbySite) throw new Error("there is no folder");
  const primary = await startPostgres({ directory: folders[0] ?? "", flags: ["fsync=off"] });
  atEnd(() => primary.stop());
  await primary.createDatabase(database);
  await copyCluster(primary.url("postgres"), primarySite, standbySite);
  const port = await freePort();
  const { host, username, password } = new URL(primary.url(database));
  const [hostname, primaryPort] = host.split(":");
  const source = `host=${hostname} port=${primaryPort} user=${username} password=${password} application_name=second`;
  await launchStandby(standbySite, port, source);
  const standby = Object.assign(new URL(primary.url(database)), { port: `${port}` }).href;
  await untilItAnswers(standby);
  return { primary: primary.url(database), standby };
}

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "octavo-replicated-"));
  await chmod(folder, 0o755);
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Copies the files of a running cluster (PostgreSQL, "Making a Base Backup Using the Low Level API"). */
async function copyCluster(url: string, from: Site, to: Site): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("select pg_backup_start('standby', true)");
  await cp(from.data, to.data, { recursive: true, filter: (path) => !LEFT_OUT.test(path) });
  const { rows } = await client.query("select labelfile from pg_backup_stop(wait_for_archive => false)");
  await client.end();
  await writeFile(join(to.data, "backup_label"), rows[0].labelfile);
  await writeFile(join(to.data, "standby.signal"), "");
  await chmod(to.data, 0o700);
  if (to.account) {
    await promisify(execFile)("chown", ["-R", `${to.account.uid}:${to.account.gid}`, to.data]);
  }
}

async function launchStandby(site: Site, port: number, source: string): Promise<void> {
  const { postgres } = await findBinaries(site);
  const settings = [
    ...[`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"],
    ...[`primary_conninfo=${source}`, "wal_retrieve_retry_interval=100ms"],
  ].flatMap((setting) => ["-c", setting]);
  const child: ChildProcess = spawn(postgres, ["-D", site.data, ...settings], {
    ...site.account,
    cwd: site.home,
    env: {},
    stdio: "ignore",
  });
  const exit = once(child, "close");
  atEnd(async () => {
    child.kill("SIGINT");
    await exit;
  });
}

async function untilItAnswers(url: string): Promise<void> {
  for (const end = Date.now() + START_TIMEOUT_MS; ; await sleep(50)) {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => {});
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
