/**
 * `npm run bench:drivers`: measures the point reads per second of each Postgres driver, on Node and Bun. postgres.js takes
 * part if it is installed: npm install --no-save postgres.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { DATABASE } from "../dev/cli.ts";
import { startPostgres } from "../dev/postgres.ts";
import { loadSample } from "../dev/sample.ts";
import { command } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { median } from "./median.ts";

const CONNECTIONS = 8;
const CONCURRENCY = 64;
const READS = 20_000;
const ROUNDS = 5;
const TEXT = `select id::text, version::text, (
    select row_to_json(book)::text
    from (select id, title, author, isbn, trim_scale(price) as price, stock, description) book
  ) as json from books where id = $1::uuid`;

interface Driver {
  read(id: string): Promise<unknown>;
  end(): Promise<unknown>;
}

const drivers: Record<string, (url: string) => Promise<Driver>> = {
  async "pg, pipelined"(url) {
    const clients = Array.from(
      { length: CONNECTIONS },
      () => new pg.Client({ connectionString: url, pipeline: true }),
    );
    for (const client of clients) await client.connect();
    let turn = 0;
    return {
      read: (id) =>
        (clients[turn++ % CONNECTIONS] as pg.Client).query({ name: "read", text: TEXT, values: [id] }),
      end: () => Promise.all(clients.map((client) => client.end())),
    };
  },
  async "pg, one at a time"(url) {
    const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
    return { read: (id) => pool.query({ name: "read", text: TEXT, values: [id] }), end: () => pool.end() };
  },
  async "postgres.js"(url) {
    // The name is a variable, so that the compiler does not look for types.
    const name = "postgres";
    const { default: postgres } = await import(name);
    const sql = postgres(url, { max: CONNECTIONS });
    return { read: (id) => sql.unsafe(TEXT, [id], { prepare: true }), end: () => sql.end() };
  },
  async "Bun's own"(url) {
    const name = "bun";
    const { SQL } = await import(name);
    const sql = new SQL(url, { max: CONNECTIONS });
    return { read: (id) => sql.unsafe(TEXT, [id]), end: () => sql.end() };
  },
};

await command(async () => {
  const { BENCH_URL } = process.env;
  if (BENCH_URL) return compare(BENCH_URL);
  const postgres = await startPostgres({ directory: join(DATA, "bench"), onProgress: console.log });
  try {
    await postgres.createDatabase(`${DATABASE}_start`);
    const url = postgres.url(`${DATABASE}_start`);
    await migrate(url);
    await loadSample(url);
    const script = fileURLToPath(import.meta.url);
    for (const runtime of [process.execPath, "bun"])
      execFileSync(runtime, [script], { env: { ...process.env, BENCH_URL: url }, stdio: "inherit" });
  } finally {
    await postgres.stop();
  }
});

async function compare(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const ids = (await client.query<{ id: string }>("select id from books")).rows.map(({ id }) => id);
  await client.end();
  const rates = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, open] of Object.entries(drivers)) {
      const driver = await open(url).catch(() => undefined);
      if (!driver) continue;
      await readAll(driver, ids, READS / 10);
      rates.set(name, [...(rates.get(name) ?? []), await readAll(driver, ids, READS)]);
      await driver.end();
    }
  }
  const runtime = process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`;
  console.log(
    `\n${runtime}: point reads per second, ${CONCURRENCY} concurrent reads over ${CONNECTIONS} connections`,
  );
  for (const name of Object.keys(drivers)) {
    const taken = rates.get(name);
    console.log(`  ${name.padEnd(18)} ${taken ? Math.round(median(taken)) : "is not installed"}`);
  }
}

/** @returns reads per second */
async function readAll({ read }: Driver, ids: string[], reads: number): Promise<number> {
  let next = 0;
  const started = performance.now();
  const reader = async () => {
    while (next < reads) await read(ids[(next++ * 7919) % ids.length] as string);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, reader));
  return (reads / (performance.now() - started)) * 1000;
}
