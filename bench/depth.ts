/**
 * `npm run bench:depth`: what a page costs at the start of a listing and deep in it, over HTTP through the Worker in
 * workerd. Rounds alternate between the places, and medians are compared within the run.
 */
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import cliProgress from "cli-progress";
import pg from "pg";
import { createTestHarness } from "wrangler";
import { command, DATA, DATABASE } from "../dev/cli.ts";
import { migrate } from "../dev/migrate.ts";
import { startNeonEndpoint } from "../dev/neon-endpoint.ts";
import { startPostgres } from "../dev/postgres.ts";
import { seed } from "../dev/seed.ts";
import { wrangler } from "../dev/wrangler.ts";
import { type BookQuery, bookPaging } from "../src/books/contract.ts";
import { CursorSeal } from "../src/http/cursor.ts";
import { scopeOf } from "../src/http/paging.ts";
import { median } from "./median.ts";

Object.assign(process.env, wrangler().environment);

const KEY = "a key of the benchmark's own, 32 bytes long";
const WARM_UP = 50;
const SORTS = ["-created_at", "title", "price"] as const;

await command(async () => {
  const { values } = parseArgs({
    options: { books: { type: "string", default: "1000000" }, rounds: { type: "string", default: "400" } },
  });
  const [books, rounds] = [Number(values.books), Number(values.rounds)];
  // A server of its own, kept for the next run, as seeding takes minutes.
  const postgres = await startPostgres({ directory: join(DATA, "bench"), onProgress: console.log });
  await postgres.createDatabase(DATABASE);
  const url = postgres.url(DATABASE);
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const neon = await startNeonEndpoint({ postgres: url });
  const vars = { DATABASE_URL: url, NEON_FETCH_ENDPOINT: neon.url, CURSOR_KEY: KEY, RATE_LIMIT: "off" };
  const harness = createTestHarness({ workers: [{ configPath: "wrangler.toml", vars }] });
  try {
    await fill(client, url, books);
    const origin = (await harness.listen()).url.origin;
    for (const sort of SORTS) {
      const places = [0, books / 2, books * 0.9].map((row) => Math.floor(row));
      const paths = await Promise.all(places.map((row) => pathTo(client, sort, row)));
      const samples = places.map((): number[] => []);
      for (let round = -WARM_UP; round < rounds; round++) {
        for (const [place, path] of paths.entries()) {
          const time = await timed(origin + path);
          if (round >= 0) samples[place]?.push(time);
        }
      }
      const medians = samples.map(median);
      console.log(`\nsort=${sort}, ${books} books, medians of ${rounds} alternating rounds`);
      for (const [place, row] of places.entries()) {
        const [time = 0, first = 1] = [medians[place], medians[0]];
        console.log(
          `  page at row ${String(row).padStart(9)}  ${time.toFixed(2)} ms  ${(time / first).toFixed(2)} × the first page`,
        );
      }
    }
  } finally {
    await harness.close();
    await neon.close();
    await client.end();
    await postgres.stop();
  }
});

async function fill(client: pg.Client, url: string, books: number): Promise<void> {
  const { rows } = await client.query<{ count: number }>("select count(*)::int as count from books");
  const missing = books - (rows[0]?.count ?? 0);
  if (missing <= 0) return;
  const bar = new cliProgress.SingleBar({
    format: "Seeding {bar} {value} of {total} books, {eta_formatted} to go",
  });
  bar.start(missing, 0);
  await seed(url, missing, (added) => bar.update(added));
  bar.stop();
}

/** The path of the page that begins behind `row` rows: sealed as the API seals, from a place that SQL counts off. */
async function pathTo(client: pg.Client, sort: BookQuery["sort"], row: number): Promise<string> {
  if (row === 0) return `/api/v1/books?sort=${sort}`;
  const [column, direction] = sort.startsWith("-") ? [sort.slice(1), "desc"] : [sort, "asc"];
  const key =
    column === "created_at"
      ? `to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
      : `${column}::text`;
  const { rows } = await client.query<{ key: string; id: string }>(
    `select ${key} as key, id::text from books order by ${column} ${direction}, id ${direction} limit 1 offset $1`,
    [row - 1],
  );
  const at = rows[0];
  if (!at) throw new Error(`there is no row ${row}`);
  const scope = scopeOf("/api/v1/books", bookPaging.bound, bookPaging.query.parse({ sort }));
  const seal = new CursorSeal(new TextEncoder().encode(KEY));
  return `/api/v1/books?sort=${sort}&cursor=${await seal.seal(scope, { direction: "forward", side: "after", ...at })}`;
}

async function timed(url: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(url);
  const { data } = (await response.json()) as { data: unknown[] };
  if (response.status !== 200 || data.length !== 20) throw new Error(`${url} answered ${response.status}`);
  return performance.now() - started;
}
