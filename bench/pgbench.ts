/** The upper limit of Postgres: pgbench with the prepared statement of one request. Octavo may batch several requests. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DATA } from "../ops/data.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Place } from "./requests.ts";
import { POOL_SIZE } from "./targets.ts";

const run = promisify(execFile);

/** By workload; `:id` and `:key` identify a position. */
const STATEMENTS: Record<string, string> = {
  point: `select id::text as id, version::text as version, json from books where id = :id::uuid`,
  page: `select string_agg(json, ',') as rows, count(*)::int as count from (
    select json, created_at as key, id from books where (created_at, id) < (:key::timestamptz, :id::uuid)
    order by created_at desc, id desc limit 21
  ) page`,
};

/** pgbench generates only numbers, so a statement fetches the positions for this many requests. */
const PLACES_AT_ONCE = 50;

/** The workloads that consist of one statement. */
export const PGBENCH_WORKLOADS = Object.keys(STATEMENTS);

/** Runs a workload; returns the number of statements, in total and per second. */
export async function pgbench(
  workload: string,
  { client, url, places }: Catalogue,
  seconds: number,
): Promise<{ rate: number; requests: number }> {
  const statement = `${STATEMENTS[workload]}`.replaceAll(/\s+/g, " ");
  await storePlaces(client, places);
  const numbers = Array.from({ length: PLACES_AT_ONCE }, (_, at) => at + 1);
  const columns = numbers.map((n) => `ids[${n}] as id${n}, keys[${n}] as key${n}`).join(", ");
  const script = [
    `\\set n random(1, ${Math.floor(places.length / PLACES_AT_ONCE)})`,
    `select ${columns} from bench.places where n = :n \\gset`,
    ...numbers.map((n) => `${statement.replaceAll(/(?<!:):(id|key)/g, `:$1${n}`)};`),
  ];
  const file = join(DATA, "bench", "pgbench.sql");
  await writeFile(file, script.join("\n"));
  const { hostname, port, username, password, pathname } = new URL(url);
  const env = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password };
  const flags = ["--no-vacuum", "--protocol=prepared", `--client=${POOL_SIZE}`, `--time=${seconds}`];
  const { stdout } = await run("pgbench", [...flags, `--file=${file}`, pathname.slice(1)], {
    env: { ...process.env, ...env },
  });
  const [, transactions] = stdout.match(/actually processed: (\d+)/) ?? [];
  const [, rate] = stdout.match(/^tps = ([\d.]+) \(without/m) ?? [];
  return { rate: Number(rate) * PLACES_AT_ONCE, requests: Number(transactions) * PLACES_AT_ONCE };
}

async function storePlaces(client: Catalogue["client"], places: Place[]): Promise<void> {
  await client.query(
    "create schema if not exists bench; drop table if exists bench.places; create unlogged table bench.places (n int primary key, ids text[], keys text[])",
  );
  await client.query(
    `insert into bench.places
     select (place - 1) / $3 + 1, array_agg(id), array_agg(key)
     from unnest($1::text[], $2::text[]) with ordinality _ (id, key, place) group by 1`,
    [places.map(({ id }) => id), places.map(({ key }) => key), PLACES_AT_ONCE],
  );
}
