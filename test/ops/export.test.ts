/** `npm run export`: files straight from the database. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { environmentOf } from "../support/command.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { startProxy } from "../support/proxy.ts";

const BOOKS = 2500;

let database: TestDatabase;
let folder: string;
let count = 0;

beforeAll(async () => {
  [database, folder] = await Promise.all([createTestDatabase(), mkdtemp(join(tmpdir(), "octavo-export-"))]);
  atEnd(() => rm(folder, { recursive: true }));
  await database.sql(
    `insert into books (title, author, isbn, price, stock, subjects)
     select 'Book ' || n, 'Author ' || n % 5, isbn, 1, n % 2, array['a;b'] from unnest($1::text[]) with ordinality as isbns (isbn, n)`,
    [Array.from({ length: BOOKS }, (_, at) => isbnOf(at))],
  );
});

/** Starts the command. */
function start(args: string[], url = database.url): ChildProcess {
  return spawn(process.execPath, ["dist/export.js", ...args], {
    env: environmentOf({ DATABASE_URL: url }),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(args: string[], url?: string) {
  const child = start(args, url);
  const output: Buffer[] = [];
  let notices = "";
  child.stdout?.on("data", (part) => output.push(part));
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    notices += text;
  });
  const [code] = await once(child, "close");
  return { code, notices, output: Buffer.concat(output) };
}

const newFile = () => join(folder, `${count++}`);

test("a file has every book, as CSV unless another format is asked for", async () => {
  const [csv, ndjson] = [newFile(), newFile()];
  const { code, notices } = await run([csv]);
  expect([code, notices]).toEqual([0, expect.stringMatching(/^2500 books, \d+ per second\.\n$/)]);
  const rows = (await readFile(csv, "utf8")).trimEnd().split("\r\n");
  expect([rows[0]?.slice(0, 18), rows[1], rows.length]).toEqual([
    "title,author,isbn,",
    `Book 1,Author 1,${isbnOf(0)},1,1,,,,,,,,a;b|`,
    BOOKS + 1,
  ]);
  await run([
    ndjson,
    "--format",
    "ndjson",
    "--with-ids",
    "--search",
    "book 12",
    "--sort=-title",
    "--no-in-stock",
  ]);
  const books = (await readFile(ndjson, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const [{ found } = { found: 0 }] = await database.sql<{ found: number }>(
    "select count(*)::int as found from books where title like 'Book 12%' and stock = 0",
  );
  expect([books.length, books[0].title, books[0].id?.length]).toEqual([found, "Book 1298", 36]);
});

test("standard output takes the file too, compressed on demand", async () => {
  const plain = await run(["-", "--excel"]);
  expect([plain.code, plain.output.subarray(0, 8).toString()]).toEqual([0, "\ufefftitle"]);
  const zipped = await run(["-", "--excel", "--gzip"]);
  expect(gunzipSync(zipped.output).equals(plain.output)).toBe(true);
});

test.each([
  [[], /Name one file/],
  [["a", "b"], /Name one file/],
  [["-", "--format", "xml"], /^--format must be one of csv, ndjson\.\n/],
  [["-", "--format=ndjson", "--excel"], /^--format must be csv for a spreadsheet\.\n/],
  [["-", "--sort", "relevance"], /^--sort must be one of/],
  [["-", "--min-price", "3", "--max-price", "2"], /^--min-price must not exceed max_price\.\n/],
  [["-", "--limit", "3"], /limit/],
])("the arguments %j are refused with a sentence and the usage", async (args, sentence) => {
  const { code, notices, output } = await run(args);
  expect([code, output.length]).toEqual([1, 0]);
  expect(notices).toMatch(sentence);
  expect(notices).toMatch(/^Usage: npm run export -- FILE\|- /m);
});

test("a file that cannot be written, or a database that cannot be reached, is one sentence", async () => {
  const nowhere = await run([join(folder, "none", "file")]);
  expect([nowhere.code, nowhere.notices]).toEqual([
    1,
    expect.stringMatching(/^The file cannot be written: ENOENT/),
  ]);
  const file = newFile();
  const away = await run([file], "postgres://nobody@127.0.0.1:9/nowhere");
  expect([away.code, away.notices]).toEqual([
    1,
    "The database at 127.0.0.1:9 cannot be reached, or did not answer. The export left no file.\n",
  ]);
  expect(existsSync(file)).toBe(false);
});

test("an export that ends early leaves no half file, and the file that was there", async () => {
  // Holds the answers back until the test has ended the export or the connection.
  const slow = await startProxy(database.url, {
    join({ near, far }) {
      near.pipe(far);
      let pages = 0;
      far.on("data", (data) => {
        if (data.includes("Book 900") || pages > 0) pages++;
        if (pages < 2) near.write(data);
      });
    },
  });
  const file = newFile();
  await run([file, "--max-price", "0"]);
  const before = await readFile(file, "utf8");
  const held = async () => {
    const child = start([file], slow.url);
    let notices = "";
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      notices += text;
    });
    await expect.poll(() => existsSync(`${file}.part`)).toBe(true);
    return { child, notices: () => notices };
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const { child, notices } = await held();
    child.kill(signal);
    const [code] = await once(child, "close");
    expect([signal, code, notices()]).toEqual([
      signal,
      130,
      "The export was interrupted. It left no file.\n",
    ]);
  }
  const { child, notices } = await held();
  for (const link of slow.links) link.cut();
  const [code] = await once(child, "close");
  expect([code, notices()]).toEqual([1, expect.stringContaining("The export left no file.")]);
  expect(await readFile(file, "utf8")).toBe(before);
  expect((await readdir(folder)).filter((name) => name.endsWith(".part"))).toEqual([]);
});
