/** `npm run db:seed -- --books 1000000`: adds generated books to the database of DATABASE_URL, or to the embedded one. */
import { parseArgs } from "node:util";
import cliProgress from "cli-progress";
import type pg from "pg";
import { command, withClient } from "../ops/command.ts";
import { migrate } from "../ops/migrations.ts";
import { checkDigit13 } from "../src/books/isbn.ts";
import { StartupError } from "../src/startup-error.ts";
import { withEmbedded } from "./cli.ts";

const BATCH = 5_000;

/** Generated ISBNs are 979 and a number of nine digits. 979-0 is printed music, so numbers do not begin with 0. */
const FIRST_NUMBER = 100_000_000;
const NUMBERS = 900_000_000;

/**
 * Adds books with the lengths and frequencies of a real catalogue: words by Zipf's law, a few authors with many books,
 * prices that end in .99. Everything happens in one transaction. In an empty database, the transaction builds the indexes
 * at its end, which is faster than updating them for each row.
 *
 * @param onProgress receives the number of books added so far, and the current activity
 */
export function seed(
  url: string,
  books: number,
  onProgress: (added: number, doing: string) => void,
): Promise<void> {
  return withClient(url, async (client) => {
    // Local settings, because a pooler gives the connection to another client afterwards.
    await client.query("begin; set local statement_timeout = 0; set local maintenance_work_mem = '256MB'");
    const { rows } = await client.query<{ empty: boolean; first: number }>(
      // Continues where the last run ended; ISBNs that exist already are skipped.
      `select not exists (select from books) as empty,
         (select count(*)::int from books where isbn like '979%') as first`,
    );
    const { empty = false, first = 0 } = rows[0] ?? {};
    const add = () => insertBooks(client, books, first, (added) => onProgress(added, "Adding books"));
    if (empty) await withoutIndexes(client, add, (index) => onProgress(books, `Building ${index}`));
    else await add();
    onProgress(books, "Analyzing");
    await client.query("analyze books, stock_movements, book_search, search_words, book_changes; commit");
  });
}

async function insertBooks(
  client: pg.Client,
  books: number,
  first: number,
  onProgress: (added: number) => void,
): Promise<void> {
  const random = generator(42);
  for (let added = 0, number = first; added < books; ) {
    const size = Math.min(BATCH, books - added);
    const batch = Array.from({ length: size }, () => makeBook(number++, random));
    const { rowCount } = await client.query(
      `insert into books (title, author, isbn, price, stock, description, created_at)
       select b.*, now() - random() * interval '5 years'
       from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::int[], $6::text[]) b
       on conflict (isbn) do nothing`,
      (["title", "author", "isbn", "price", "stock", "description"] as const).map((name) =>
        batch.map((book) => book[name]),
      ),
    );
    added += rowCount ?? 0;
    onProgress(added);
  }
}

/** Drops the indexes that no constraint needs, does the work, and builds them again. */
export async function withoutIndexes(
  client: pg.Client,
  work: () => Promise<void>,
  onBuild: (index: string) => void,
): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
     from pg_index
     where indrelid in (to_regclass('books'), to_regclass('stock_movements'), to_regclass('book_search'))
       and not indisunique`,
  );
  for (const { name } of rows) await client.query(`drop index ${name}`);
  await work();
  for (const { name, definition } of rows) {
    onBuild(name);
    await client.query(definition);
  }
}

/** Runs {@link seed} with a progress bar. */
export async function seedWithBar(url: string, books: number): Promise<void> {
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value} of {total} books, {eta_formatted} left. {doing}",
  });
  bar.start(books, 0, { doing: "" });
  await seed(url, books, (added, doing) => bar.update(added, { doing }));
  bar.stop();
}

/** Mulberry32, a small and fast random number generator with the same output on every platform. */
export function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SMALL_WORDS = "the of and a in to for on with from".split(" ");
const SYLLABLES =
  "an ar be bri ca cor da del do e el en fa fi ga gen ha ho i in ka la len lo ma mer mi mo na ne no o or pa per ra re ri ro sa sel so ta ter ti to u va ve vi wen za".split(
    " ",
  );

/** The n-th word of an invented language; early words are short and frequent. */
export function word(n: number): string {
  const small = SMALL_WORDS[n];
  if (small) return small;
  let text = "";
  for (let rest = n; rest > 0; rest = Math.floor(rest / SYLLABLES.length))
    text += SYLLABLES[rest % SYLLABLES.length];
  return text.length > 2 ? text : `${text}ta`;
}

/**
 * A rank from 0 to size - 1 whose frequency falls as 1 / rank.
 *
 * @param flatness the number of first ranks that are about as frequent as each other
 */
export const zipf = (random: () => number, size: number, flatness = 1) =>
  Math.floor(flatness * ((size / flatness + 1) ** random() - 1));

/** A generated book. Equal numbers and random numbers make equal books. */
export function makeBook(number: number, random: () => number) {
  const phrase = (length: number) => Array.from({ length }, () => word(zipf(random, 30_000))).join(" ");
  const capitalised = (text: string) => text.replace(/(^|\s)\p{L}/gu, (letter) => letter.toUpperCase());
  const author = zipf(random, 200_000, 10);
  const firstName = zipf(generator(author), 400, 10);
  // No title ends in a small word, and many begin with "The".
  const title = [
    random() < 0.25 ? "the" : "",
    phrase(Math.floor(random() * 6)),
    word(SMALL_WORDS.length + zipf(random, 30_000, 10)),
  ];
  const digits = `979${FIRST_NUMBER + (number % NUMBERS)}`;
  const volume = random() < 0.08 ? ` (${capitalised(phrase(1))}, #${1 + Math.floor(random() * 9)})` : "";
  return {
    title: capitalised(title.filter(Boolean).join(" ")) + volume,
    author: capitalised(`${word(40 + firstName)} ${word(500 + author)}`),
    isbn: digits + checkDigit13(digits),
    price: (
      Math.ceil(random() ** 3 * 90) + (random() < 0.7 ? 0.99 : Math.floor(random() * 100) / 100)
    ).toFixed(2),
    stock: random() < 0.15 ? 0 : Math.floor(1 + random() ** 4 * 200),
    description: random() < 0.3 ? null : `${phrase(10 + Math.floor(random() * 50))}.`,
  };
}

if (import.meta.main) {
  await command(async () => {
    const { books } = options();
    const fill = async (url: string) => {
      await migrate(url, { onProgress: console.error });
      await seedWithBar(url, books);
    };
    if (process.env.DATABASE_URL) await fill(process.env.DATABASE_URL);
    else await withEmbedded(fill);
  });
}

function options(): { books: number } {
  try {
    const { values } = parseArgs({ options: { books: { type: "string", default: "10000" } } });
    const books = Number(values.books);
    if (Number.isInteger(books) && books > 0) return { books };
  } catch {
    // Falls through to the usage.
  }
  throw new StartupError("Usage: npm run db:seed -- --books NUMBER");
}
