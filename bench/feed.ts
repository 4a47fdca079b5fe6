/**
 * `npm run bench:feed -- --books 1000000`: the first copy of a catalogue by the feed, the time of a page by its depth, and
 * what idle polls cost Postgres.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DATABASE } from "../dev/cli.ts";
import { startPostgres } from "../dev/postgres.ts";
import { seedWithBar } from "../dev/seed.ts";
import { command, withClient } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { POSTGRES_SETTINGS } from "./catalogue.ts";
import { vacuum } from "./databases.ts";
import { median } from "./median.ts";
import { cpuSeconds, freePort, parentOf } from "./servers.ts";
import { NODE_FLAGS } from "./targets.ts";

const POLLS = 2000;
const LIMIT = 5000;

interface Page {
  data: unknown[];
  next_cursor: string;
  more: boolean;
}

await command(async () => {
  const { values } = parseArgs({ options: { books: { type: "string", default: "1000000" } } });
  const books = Number(values.books);
  execFileSync(process.execPath, ["dev/build.js"]);
  const postgres = await startPostgres({
    directory: join(DATA, "bench"),
    flags: POSTGRES_SETTINGS,
    onProgress: console.log,
  });
  try {
    const database = `${DATABASE}_feed_${books}`;
    await postgres.createDatabase(database);
    const url = postgres.url(database);
    await migrate(url);
    const postmaster = await prepare(url, books);
    for (const name of ["node", "bun"] as const) await measure(name, url, postmaster, books);
  } finally {
    await postgres.stop();
  }
});

/** Adds the books unless they are there, and gives the process whose children are the backends. */
async function prepare(url: string, books: number): Promise<number> {
  const isEmpty = await withClient(url, async (client) => {
    const { rowCount } = await client.query("select from books limit 1");
    return rowCount === 0;
  });
  if (isEmpty) await seedWithBar(url, books);
  return withClient(url, async (client) => {
    await client.query("set statement_timeout = 0");
    if (isEmpty) await vacuum(client);
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    return parentOf(rows[0]?.pid ?? 0);
  });
}

async function measure(name: "node" | "bun", url: string, postmaster: number, books: number): Promise<void> {
  const port = await freePort();
  const [file, ...args] =
    name === "node"
      ? [process.execPath, ...NODE_FLAGS, "dist/node.js"]
      : ["bun", "--no-install", "dist/bun.js"];
  const env = { PATH: process.env.PATH, DATABASE_URL: url, PORT: `${port}`, RATE_LIMIT: "off" };
  const server = spawn(`${file}`, args, { env, stdio: "ignore" });
  try {
    const feed = `http://127.0.0.1:${port}/api/v1/changes?limit=${LIMIT}`;
    while (
      !(await fetch(feed).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      await sleep(20);
    const { times, cursor, seconds, cpu } = await copy(feed, postmaster);
    const [first, last] = [times.slice(1, 1 + times.length / 10), times.slice(-times.length / 10)];
    console.log(
      `${name}: a first copy of ${books} books at ${(books / seconds).toFixed(0)} rows/s, ` +
        `${((cpu * 1e6) / books).toFixed(1)} µs of Postgres a row; pages of the last tenth take ` +
        `${(median(last) / median(first)).toFixed(2)} × those of the first`,
    );
    const before = await cpuSeconds(postmaster);
    for (let poll = 0; poll < POLLS; poll++) await (await fetch(`${feed}&cursor=${cursor}`)).text();
    const each = (((await cpuSeconds(postmaster)) - before) * 1e6) / POLLS;
    console.log(`${name}: an idle poll takes ${each.toFixed(0)} µs of Postgres`);
  } finally {
    server.kill("SIGTERM");
    await once(server, "exit");
  }
}

/** Follows the feed from its beginning to its end. */
async function copy(feed: string, postmaster: number) {
  const times: number[] = [];
  const [started, before] = [performance.now(), await cpuSeconds(postmaster)];
  for (let cursor = ""; ; ) {
    const asked = performance.now();
    const page = (await (await fetch(feed + (cursor && `&cursor=${cursor}`))).json()) as Page;
    if (page.data.length > 0) times.push(performance.now() - asked);
    cursor = page.next_cursor;
    if (page.more) continue;
    const seconds = (performance.now() - started) / 1000;
    return { times, cursor, seconds, cpu: (await cpuSeconds(postmaster)) - before };
  }
}
