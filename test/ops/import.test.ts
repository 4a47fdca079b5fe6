/** `npm run import`: files straight into the database. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { environmentOf } from "../support/command.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { identifier, message, product, REFERENCE } from "../support/onix.ts";

let database: TestDatabase;
let folder: string;
let count = 0;

beforeAll(async () => {
  [database, folder] = await Promise.all([createTestDatabase(), mkdtemp(join(tmpdir(), "octavo-import-"))]);
  atEnd(() => rm(folder, { recursive: true }));
});

let next = 0;
const newIsbn = () => isbnOf(600_000_000 + next++);
const newIsbns = (length: number) => Array.from({ length }, newIsbn);
const bookLine = (isbn: string, title = "A") =>
  `{"isbn":"${isbn}","title":"${title}","author":"B","price":1}\n`;
const linesOf = (isbns: string[], title?: string) => isbns.map((isbn) => bookLine(isbn, title)).join("");

async function newFile(content: string | Uint8Array, extension: string): Promise<string> {
  const file = join(folder, `${count++}.${extension}`);
  await writeFile(file, content);
  return file;
}

const countOf = async (isbns: string[]) =>
  (await database.sql<{ n: number }>("select count(*)::int as n from books where isbn = any($1)", [isbns]))[0]
    ?.n;

function start(args: string[], url = database.url): ChildProcess {
  return spawn(process.execPath, ["dist/import.js", ...args], {
    env: environmentOf({ DATABASE_URL: url }),
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** The exit code, and what the command said: the summary, and the rest. */
async function ended(child: ChildProcess) {
  let [summary, notices] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    summary += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    notices += text;
  });
  const [code] = await once(child, "close");
  return { code, summary, notices };
}

function run(args: string[], { input = "", url }: { input?: string | Uint8Array; url?: string } = {}) {
  const child = start(args, url);
  child.stdin?.end(input);
  return ended(child);
}

test("a spreadsheet is imported, and the command says how it was read", async () => {
  const isbn = newIsbn();
  const file = await newFile(`EAN;Titel;Autor;Preis;Lager\n${isbn};A;B;1,50;x\n`, "csv");
  const { code, summary, notices } = await run([file]);
  expect([code, summary]).toEqual([
    0,
    `${file}: reading EAN as isbn, Titel as title, Autor as author, Preis as price. Ignored: Lager.\n` +
      `${file}: 1 created, 0 updated, 0 unchanged, 0 refused.\n`,
  ]);
  expect(notices).toMatch(/^1 row, \d+ per second\.\n$/);
  expect(existsSync(`${file}.import`)).toBe(false);
});

test("the format is recognized, also in a compressed file and from standard input", async () => {
  const [first, second, third] = [newIsbn(), newIsbn(), newIsbn()];
  const zipped = await newFile(gzipSync(bookLine(first)), "gz");
  const onix = await newFile(`\ufeff${REFERENCE}`, "txt");
  const both = await run([zipped, onix, "--default-price", "3"]);
  expect(both).toMatchObject({ code: 0, summary: expect.stringMatching(/1 created.*\n.*1 created/) });
  expect(await run(["-"], { input: `\n${bookLine(second)}` })).toMatchObject({ code: 0 });
  const utf16 = Buffer.from(`\ufeffisbn\ttitle\tauthor\tprice\n${third}\té\tB\t1\n`, "utf16le");
  expect(await run(["-"], { input: utf16 })).toMatchObject({ code: 0 });
  expect(await countOf([first, second, third])).toBe(3);
});

test("refused rows of a spreadsheet are in a file, and can be corrected there", async () => {
  const [good, bad, ragged] = [newIsbn(), newIsbn(), newIsbn()];
  const file = await newFile(
    `isbn;title;author;price\r\n${good};A;B;1\r\n${bad};"C;\n""d""";E;free\r\n${ragged};F;G\r\n`,
    "csv",
  );
  const { code, summary } = await run([file]);
  const path = file.replace(".csv", ".refused.csv");
  expect([code, summary]).toEqual([2, expect.stringContaining(`Refused rows and their reasons: ${path}\n`)]);
  const refused = await readFile(path, "utf8");
  expect(refused).toBe(
    "\ufeffrefused_line;refused_reason;isbn;title;author;price\r\n" +
      `3;price must be a number;${bad};"C;\n""d""";E;free\r\n` +
      `5;has 3 cells, and the header has 4;${ragged};F;G\r\n`,
  );
  await writeFile(path, refused.replace("free", "2").replace(";F;G", ";F;G;3"));
  expect(await run([path])).toMatchObject({ code: 0, summary: expect.stringContaining("2 created") });
  expect(await countOf([good, bad, ragged])).toBe(3);
});

test("so can refused lines, and refused products", async () => {
  const isbns = newIsbns(3);
  const lines = `{"isbn":"${isbns[0]}"}\n{ "title": "T", "author": "A", "isbn": "1", "price": 2 }\nnothing\n`;
  const file = await newFile(lines, "ndjson");
  expect(await run([file])).toMatchObject({ code: 2, summary: expect.stringContaining("3 refused") });
  const path = file.replace(".ndjson", ".refused.ndjson");
  const refused = await readFile(path, "utf8");
  expect(refused.split("\n").map((line) => line && JSON.parse(line))).toMatchObject([
    { refused: { line: 1, reason: expect.stringContaining("title is required") }, isbn: isbns[0] },
    { refused: { line: 2, reason: expect.stringContaining("isbn ") }, title: "T" },
    { refused: { line: 3, reason: "must be JSON", source: "nothing" } },
    "",
  ]);
  const corrected = refused.replace('"isbn": "1"', `"isbn": "${isbns[1]}"`).replace(/.*nothing.*\n/, "");
  await writeFile(path, corrected.replace(/\n/, `\n${bookLine(`${isbns[2]}`)}`));
  expect(await run([path])).toMatchObject({ code: 2, summary: expect.stringContaining("2 created") });

  const bad = product({ id: identifier("15", "9780306406158") });
  const onix = await newFile(REFERENCE.replace("</ONIXMessage>", `${bad}</ONIXMessage>`), "xml");
  expect(await run([onix, "--default-price", "3"])).toMatchObject({ code: 2 });
  const products = await readFile(onix.replace(".xml", ".refused.xml"), "utf8");
  expect(products).toMatch(/<ONIXMessage release="3\.0" xmlns="[^"]+">\n<Header>.*<\/Header>/s);
  expect(products).toMatch(/<!-- line \d+: isbn .* -->\n<Product>.*<\/Product>\n<\/ONIXMessage>\n$/s);
  const again = await newFile(products, "xml");
  expect(await run([again])).toMatchObject({ code: 2, summary: expect.stringContaining("0 created") });
});

test("a rehearsal says what an import would do, and changes nothing", async () => {
  const isbn = newIsbn();
  const { code, summary } = await run(["--dry-run", await newFile(bookLine(isbn), "ndjson")]);
  expect([code, summary]).toEqual([0, expect.stringContaining("an import would give 1 created")]);
  expect(await countOf([isbn])).toBe(0);
});

test("all or nothing imports several files, or none of them", async () => {
  const isbns = newIsbns(2);
  const [good, bad] = [await newFile(linesOf(isbns), "ndjson"), await newFile("{}\n", "ndjson")];
  const option = ["--on-error", "all-or-nothing"];
  const failed = await run([good, bad, ...option]);
  expect([failed.code, failed.notices]).toEqual([1, expect.stringMatching(/Nothing was imported, because/)]);
  expect([await countOf(isbns), existsSync(bad.replace(".nd", ".refused.nd"))]).toEqual([0, true]);
  expect(await run([good, ...option])).toMatchObject({
    code: 0,
    summary: expect.stringMatching(/^.*2 created.*\n$/),
  });
  expect(await countOf(isbns)).toBe(2);
});

test("an import that stopped at a refused row goes on when the row is corrected", async () => {
  const isbns = newIsbns(5002);
  const lines = linesOf(isbns.slice(0, 5001));
  const file = await newFile(`${lines}{}\n`, "ndjson");
  const stopped = await run([file, "--on-error=stop"]);
  expect([stopped.code, stopped.summary]).toEqual([
    1,
    expect.stringContaining(`5000 rows are imported. Go on with: npm run import -- --resume ${file}`),
  ]);
  expect(await countOf(isbns)).toBe(5000);
  await writeFile(file, `${lines}${bookLine(`${isbns[5001]}`)}`);
  const resumed = await run([file, "--resume"]);
  expect([resumed.code, resumed.notices]).toEqual([1, expect.stringContaining("has changed since")]);
  expect(await run([file])).toMatchObject({
    code: 0,
    summary: expect.stringContaining("2 created, 0 updated, 5000 unchanged"),
  });
});

test("an import that was killed goes on behind the last batch", async () => {
  const isbns = newIsbns(12_000);
  const file = await newFile(linesOf(isbns), "ndjson");
  const release = await database.hold(
    "insert into books (isbn, title, author, price) values ($1, 'A', 'B', 1)",
    [isbns[11_000]],
  );
  const child = start([file]);
  await expect.poll(() => database.waiting(), { timeout: 20_000 }).toBe(1);
  const other = await run([file]);
  expect([other.code, other.notices]).toEqual([1, `${file} is being imported by process ${child.pid}.\n`]);
  child.kill("SIGKILL");
  await once(child, "close");
  await release();
  const { code, summary } = await run([file, "--resume"]);
  expect([code, summary]).toEqual([0, expect.stringMatching(/going on after row 10000\.\n.*: \d+ created/)]);
  expect(await countOf(isbns)).toBe(12_000);
});

test("Ctrl-C ends an import behind its batch, with the line to go on with", async () => {
  const isbns = newIsbns(7000);
  const child = start(["-"]);
  child.stdin?.write(linesOf(isbns.slice(0, 5500)));
  const end = ended(child);
  await expect.poll(() => countOf(isbns), { timeout: 20_000 }).toBe(5000);
  child.kill("SIGINT");
  child.stdin?.end(linesOf(isbns.slice(5500)));
  const { code, summary } = await end;
  expect([code, summary]).toEqual([
    130,
    expect.stringMatching(
      /Interrupted\. \d+ rows are imported\. Go on with: npm run import -- --skip-rows \d+ - /,
    ),
  ]);
});

test("without the database, the command says how far it came", async () => {
  const file = await newFile(bookLine(newIsbn()), "ndjson");
  const away = await run([file], { url: "postgres://nobody@127.0.0.1:9/nowhere" });
  expect([away.code, away.notices]).toEqual([
    1,
    "The database at 127.0.0.1:9 cannot be reached, or did not answer. Nothing was imported.\n",
  ]);
});

test("a full disk ends the import with a sentence", async () => {
  const file = await newFile(`${bookLine(newIsbn())}{}\n`, "ndjson");
  await symlink("/dev/full", file.replace(".ndjson", ".refused.ndjson"));
  const { code, notices } = await run([file]);
  expect([code, notices]).toEqual([1, expect.stringMatching(/refused\.ndjson cannot be written: ENOSPC/)]);
});

test.each<[args: string[], sentence: RegExp]>([
  [[], /^Name the files to import/],
  [["none.csv"], /^none\.csv does not exist\./],
  [["."], /^\. is not a file\./],
  [["https://shop.example/books.csv"], /is a URL/],
  [["a", "a"], /named twice/],
  [["-", "--resume"], /read once/],
  [["-", "--on-error", "all-or-nothing"], /read once/],
  [["a", "b", "--skip-rows", "3"], /--skip-rows is for one file/],
  [["-", "--format", "xlsx"], /--format must be csv or/],
  [["-", "--on-error", "ignore"], /--on-error must be one of/],
  [["-", "--default-price", "x"], /--default-price must be a price/],
  [["-", "--only", "isbn"], /--only must be of title, author/],
  [["-", "--map", "EAN"], /--map must be Column=member/],
  [["-", "--colour"], /colour/],
])("the arguments %j are refused with a sentence", async (args, sentence) => {
  const { code, notices } = await run(args);
  expect([code, notices]).toEqual([1, expect.stringMatching(sentence)]);
});

test.each<[file: string | Uint8Array, args: string[], sentence: RegExp]>([
  ["", [], /The file is empty\. Nothing was imported\.\n$/],
  [gzipSync("x".repeat(100_000)).subarray(0, 60), [], /not valid gzip, or it is incomplete/],
  ["PK\x03\x04", [], /export it as CSV/],
  [message(product({})), ["--decimal", ","], /--decimal is for csv, and .* is onix/],
  ["isbn,title,title\n", [], /both hold the title/],
  ["isbn,title\n", ["--map", "EAN=isbn"], /There is no column "EAN"/],
])("the file %j with %j is refused with a sentence", async (content, args, sentence) => {
  const { code, notices } = await run([await newFile(content, "x"), ...args]);
  expect([code, notices]).toEqual([1, expect.stringMatching(sentence)]);
});

test("an export that is imported elsewhere gives the same export", async () => {
  const isbns = newIsbns(50);
  const lines = isbns.map((isbn, at) =>
    JSON.stringify({
      isbn,
      title: `=T"${at}\n;,é`,
      author: "'A",
      price: at / 4 + 1,
      stock: at,
      description: at % 2 ? ` d\r\n${at}` : null,
      published: at % 3 ? "2008-09" : null,
      format: "ebook",
      subjects: at % 2 ? ["a;b", "c|d"] : [],
    }),
  );
  const source = await createTestDatabase();
  expect(await run([await newFile(lines.join("\n"), "ndjson")], { url: source.url })).toMatchObject({
    code: 0,
  });
  const exported = async (url: string, args: string[]) => {
    const child = spawn(process.execPath, ["dist/export.js", "-", ...args], {
      env: environmentOf({ DATABASE_URL: url }),
    });
    const parts: Buffer[] = [];
    child.stdout.on("data", (part) => parts.push(part));
    await once(child, "close");
    return Buffer.concat(parts).toString();
  };
  for (const args of [["--format=csv"], ["--format=ndjson"], ["--excel", "--no-escape-formulas"]]) {
    const target = await createTestDatabase();
    const file = await exported(source.url, args);
    expect(await run(["-"], { input: file, url: target.url })).toMatchObject({ code: 0 });
    expect(await exported(target.url, args)).toBe(file);
  }
  for (const format of ["csv", "ndjson"]) {
    const target = await createTestDatabase();
    const file = await exported(source.url, [`--format=${format}`, "--with-ids"]);
    expect(await run(["-", "--with-ids"], { input: file, url: target.url })).toMatchObject({ code: 0 });
    expect(await exported(target.url, [`--format=${format}`, "--with-ids"])).toBe(file);
  }
});

test("with ids, a row is refused if they are none, or are those of another book", async () => {
  const [isbn, other] = [newIsbn(), newIsbn()];
  await run(["-"], { input: bookLine(other) });
  const [taken] = await database.sql<{ id: string }>("select id::text from books where isbn = $1", [other]);
  const line = (members: object) =>
    `${JSON.stringify({ isbn, title: "A", author: "B", price: 1, ...members })}\n`;
  const rows = [
    { id: taken?.id },
    { id: "1" },
    { created_at: "2026-02-31" },
    { updated_at: "2026-13-01T00:00:00Z" },
  ];
  const file = await newFile(rows.map(line).join(""), "ndjson");
  expect(await run([file, "--with-ids"])).toMatchObject({
    code: 2,
    summary: expect.stringContaining("4 refused"),
  });
  const id = crypto.randomUUID();
  const twice = await newFile(line({ id }) + line({ id, isbn: newIsbn() }), "ndjson");
  expect(await run([twice, "--with-ids"])).toMatchObject({
    code: 1,
    notices: expect.stringMatching(/the same id/),
  });
});
