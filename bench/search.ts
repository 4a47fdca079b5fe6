/**
 * `npm run bench:search -- FILE.csv`: loads a catalogue into a database of its own, searches it as people do, and prints how
 * often the book is among the first ten results. Without a file, it takes the sample catalogue. The searches are made of the
 * books, or come from `--cases FILE.json`. `--tantivy` searches the same books with Tantivy.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import cliProgress from "cli-progress";
import type pg from "pg";
import { startPostgres } from "../dev/postgres.ts";
import sample from "../dev/sample-books.json" with { type: "json" };
import { generator } from "../dev/seed.ts";
import { command, withClient } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { checkDigit13, parseIsbn } from "../src/books/isbn.ts";
import { StartupError } from "../src/startup-error.ts";
import { readCsv } from "./csv.ts";
import { casesOf } from "./search-cases.ts";
import { searchWithTantivy } from "./tantivy.ts";

const DATABASE = "octavo_search";
const BATCH = 5_000;
const USAGE = "Usage: npm run bench:search -- [FILE.csv] [--cases FILE.json] [--tantivy]";

export interface Book {
  title: string;
  author: string;
  isbn: string;
}

/** What somebody types, and the key of the book: its folded title without what is in brackets, so that any edition counts. */
interface Case {
  kind: string;
  q: string;
  key: string;
}

interface Outcome extends Case {
  hit: boolean;
  ms: number;
  first: string | undefined;
}

/** Whether the book was among the first ten results, by case. */
type Hits = boolean[];

/** The first ten books of a search, in one statement. */
const SEARCH = `
  with found as materialized (
    select hit.book_id, hit.score from octavo_plan_search($1, null) as plan, octavo_search_books(plan, 1000) as hit
    order by score desc, book_id desc limit 10
  )
  select title from found join books on id = book_id order by score desc, book_id desc`;

await command(async () => {
  const options = parseOptions();
  const books = options.csv ? toBooks(await readText(options.csv)) : sample;
  const postgres = await startPostgres({ directory: join(DATA, "bench"), onProgress: console.log });
  try {
    const url = postgres.url(DATABASE);
    await postgres.createDatabase(DATABASE);
    await migrate(url);
    await withClient(url, async (client) => {
      await load(client, books);
      const cases = options.cases
        ? JSON.parse(await readText(options.cases))
        : await makeCases(client, books);
      const queries = cases.map(({ q }: Case) => q);
      const found = options.tantivy ? await searchWithTantivy(books, queries) : {};
      const outcomes = await searchAll(client, cases);
      report(outcomes, await judge(client, found, cases));
    });
  } finally {
    await postgres.stop();
  }
});

function parseOptions(): { csv: string | undefined; cases: string | undefined; tantivy: boolean } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { cases: { type: "string" }, tantivy: { type: "boolean", default: false } },
    });
    if (positionals.length < 2) return { csv: positionals[0], cases: values.cases, tantivy: values.tantivy };
  } catch {
    // Falls through to the usage.
  }
  throw new StartupError(USAGE);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new StartupError(`${path} cannot be read: ${(error as Error).message}.`);
  }
}

/** An ISBN that is none, or taken, gets one in its place: repairing it is not the task here. */
function toBooks(csv: string): Book[] {
  const isbns = new Set<string>();
  return readCsv(csv).map(({ title = "", authors = "", isbn = "" }, at) => {
    const made = `979${100_000_000 + at}`;
    const given = parseIsbn(isbn);
    const own = given && !isbns.has(given) ? given : made + checkDigit13(made);
    isbns.add(own);
    return { title: title.slice(0, 255), author: authors.slice(0, 255), isbn: own };
  });
}

/** Replaces the catalogue. */
async function load(client: pg.Client, books: Book[]): Promise<void> {
  await client.query("set statement_timeout = 0; truncate books, book_search, search_words cascade");
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value} of {total} books, {eta_formatted} left",
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
  bar.start(books.length, 0);
  for (let at = 0; at < books.length; at += BATCH) {
    await client.query(
      `insert into books (title, author, isbn, price)
       select title, author, isbn, 9.99 from jsonb_to_recordset($1) as book (title text, author text, isbn text)`,
      [JSON.stringify(books.slice(at, at + BATCH))],
    );
    bar.update(Math.min(at + BATCH, books.length));
  }
  bar.stop();
  await client.query("vacuum analyze books, book_search, search_words");
}

async function makeCases(client: pg.Client, books: Book[]): Promise<Case[]> {
  const made = casesOf(books, generator(42));
  const keys = await keysOf(
    client,
    made.map(({ title }) => title),
  );
  return made.map(({ kind, q }, at) => ({ kind, q, key: keys[at] as string }));
}

async function searchAll(client: pg.Client, cases: Case[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const given of cases) {
    const started = performance.now();
    const { rows } = await client.query<{ title: string }>({
      name: "search",
      text: SEARCH,
      values: [given.q],
    });
    const ms = performance.now() - started;
    const keys = await keysOf(
      client,
      rows.map(({ title }) => title),
    );
    outcomes.push({ ...given, hit: keys.includes(given.key), ms, first: rows[0]?.title });
  }
  return outcomes;
}

/** The keys of titles. Cases write apostrophes as spaces. */
async function keysOf(client: pg.Client, titles: string[]): Promise<string[]> {
  const { rows } = await client.query<{ key: string }>(
    `select octavo_fold(regexp_replace(octavo_main_title(title), '[^[:alnum:]]+', ' ', 'g')) as key from unnest($1::text[]) as title`,
    [titles],
  );
  return rows.map(({ key }) => key);
}

/** @param found the titles that each peer found, by case */
async function judge(
  client: pg.Client,
  found: Record<string, string[][]>,
  cases: Case[],
): Promise<Record<string, Hits>> {
  const peers: Record<string, Hits> = {};
  for (const [name, titles] of Object.entries(found)) {
    const hits: Hits = [];
    for (const [at, { key }] of cases.entries())
      hits.push((await keysOf(client, titles[at] ?? [])).includes(key));
    peers[name] = hits;
  }
  return peers;
}

/** Prints hit@10 by kind of query, the misses, and the times. */
function report(outcomes: Outcome[], peers: Record<string, Hits>): void {
  const share = (hits: Hits) => ((100 * hits.filter(Boolean).length) / hits.length).toFixed(1);
  const columns = [outcomes.map(({ hit }) => hit), ...Object.values(peers)];
  const row = (name: string, isIn: (outcome: Outcome) => boolean) => {
    const parts = columns.map((hits) => hits.filter((_, at) => isIn(outcomes[at] as Outcome)));
    console.log(`| ${[name, parts[0]?.length, ...parts.map(share)].join(" | ")} |`);
  };
  console.log(`\n| ${["kind of query", "queries", "hit@10", ...Object.keys(peers)].join(" | ")} |`);
  console.log(`|---|${"---:|".repeat(columns.length + 1)}`);
  for (const kind of new Set(outcomes.map((outcome) => outcome.kind)))
    row(kind, (outcome) => outcome.kind === kind);
  row("all", () => true);
  console.log();
  for (const { kind, q, key, hit, first } of outcomes) {
    if (!hit)
      console.log(`missed: "${q}" (${kind}) should find "${key}", and finds "${first ?? "nothing"}" first`);
  }
  const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
  const quantile = (part: number) => times[Math.ceil(part * times.length) - 1]?.toFixed(1);
  console.log(`\np50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, slowest ${quantile(1)} ms`);
}
