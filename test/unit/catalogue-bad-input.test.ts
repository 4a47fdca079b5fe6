/** Files that are broken or hostile: each costs the rows that are wrong, or is an error in words, in flat memory. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { readCsv } from "../../src/catalogue/csv.ts";
import { readNdjson } from "../../src/catalogue/ndjson.ts";
import { readOnix } from "../../src/catalogue/onix.ts";
import type { Row, RowBatches } from "../../src/catalogue/rows.ts";
import { brief, inChunks, inTurn, repeated } from "../support/catalogue.ts";
import { ISBN, message, product } from "../support/onix.ts";

type Read = (source: AsyncIterable<Uint8Array>) => RowBatches;
type Source = AsyncIterable<Uint8Array>;

const MIB = 1_048_576;
const block = (text: string) => text.repeat(Math.ceil(65_536 / text.length));
const long = (text: string) => repeated(block(text), 1_600);
/** Fewer, where every line is a record. */
const many = (text: string) => repeated(block(text), 64);
const around = (start: string, middle: Source, end: string) => inTurn(inChunks(start), middle, inChunks(end));
const onix = message(product({}), "HERE", product({})).split("HERE");
const text = (start: string, end: string) =>
  [`${onix[0]}<Product><X>${start}`, `${end}</X></Product>${onix[1]}`] as const;
const good = { isbn: ISBN };
const line = `{"isbn":"${ISBN}"}\n`;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** After how many chunks memory is measured: seldom, because collecting all garbage takes long. */
const CHECKPOINTS = new Set([20, 60, 400, 1_200]);

/** Reads a file, and how many bytes of memory its reading holds at most. */
async function outcome(read: Read, source: Source): Promise<{ rows: Row[]; error: string; peak: number }> {
  const rows: Row[] = [];
  let arrived = 0;
  let peak = 0;
  let error = "";
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  async function* measured() {
    for await (const chunk of source) {
      yield chunk;
      if (!CHECKPOINTS.has(++arrived)) continue;
      collectGarbage();
      peak = Math.max(peak, process.memoryUsage().heapUsed - before);
    }
  }
  try {
    for await (const batch of read(measured())) if (rows.length < 10) rows.push(...batch);
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  return { rows, error, peak };
}

/** What 100 MiB in one place cost, or 4 MiB of short lines. */
test.each<[name: string, read: Read, source: () => Source, rows: unknown[], error?: string]>([
  [
    "CSV: a line",
    readCsv,
    () => around(`isbn,title\n${ISBN},`, long("x"), `\n${ISBN},b\n`),
    [": too_long", { ...good, title: "b" }],
  ],
  [
    "CSV: a quoted cell with line breaks",
    readCsv,
    () => around(`isbn,title\n${ISBN},"`, long('x\n""'), `"\n${ISBN},b\n`),
    [": too_long", { ...good, title: "b" }],
  ],
  [
    "CSV: a quoted cell that is never closed",
    readCsv,
    () => around(`isbn,title\n${ISBN},"`, long("x,y\n"), ""),
    [": too_long"],
  ],
  [
    "CSV: cells",
    readCsv,
    () => around(`isbn,title\n${ISBN}`, long(","), `\n${ISBN},b\n`),
    [": too_long", { ...good, title: "b" }],
  ],
  ["CSV: blank lines", readCsv, () => around("isbn\n", many("\n"), `${ISBN}\n`), [good]],
  ["CSV: a header", readCsv, () => around("isbn", long("n"), ""), [], "The header is longer than 256 KiB."],
  [
    "CSV: rows that are refused",
    readCsv,
    () => around("isbn\n", many("1234\n"), ""),
    Array(10).fill("isbn: invalid_isbn"),
  ],
  ["NDJSON: a line", readNdjson, () => around(line, long("x"), `\n${line}`), [good, ": too_long", good]],
  ["NDJSON: blank lines", readNdjson, () => around("", many("\n"), line), [good]],
  [
    "ONIX: a text",
    readOnix,
    () => around(text("", "")[0], long("x"), text("", "")[1]),
    [good, ": too_long", good],
  ],
  [
    "ONIX: an attribute",
    readOnix,
    () => around(text('<a b="', "")[0], long("x"), text("", '"/>')[1]),
    [good, ": too_long", good],
  ],
  [
    "ONIX: a comment",
    readOnix,
    () => around(text("<!--", "")[0], long("x"), text("", "-->")[1]),
    [good, ": too_long", good],
  ],
  [
    "ONIX: elements within elements",
    readOnix,
    () => around(text("", "")[0], long("<a>"), text("", "")[1]),
    [good, ": invalid_format", good],
  ],
  [
    "ONIX: a comment between products",
    readOnix,
    () => around(`${onix[0]}<!--`, long("x"), `-->${onix[1]}`),
    [good],
    "The file has more than 1 MiB between two products.",
  ],
  [
    "ONIX: a document type",
    readOnix,
    () => around("<!DOCTYPE ONIXMessage [", long("<!-- x -->"), `]>${message()}`),
    [],
    "The file has more than 1 MiB between two products.",
  ],
  [
    "ONIX: a header of the message",
    readOnix,
    () => around('<ONIXMessage release="3.0"><Header><X>', long("x"), ""),
    [],
    "The header of the message is too long.",
  ],
])(
  "%s without end costs no more than 16 MiB",
  async (_, read, source, rows, error = "") => {
    const found = await outcome(read, source());
    expect(found.error).toBe(error);
    expect(found.rows.slice(0, 10).map(brief)).toEqual(rows);
    expect(found.peak).toBeLessThan(16 * MIB);
  },
  60_000,
);

const LAUGHS = `<!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from({ length: 9 }, (_, at) => `<!ENTITY lol${at + 1} "${`&lol${at || ""};`.repeat(10)}">`).join("")}]>`;
const EXTERNAL = '<!DOCTYPE ONIXMessage [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
const description = (content: string) =>
  product({ text: `<TextContent><TextType>03</TextType><Text>${content}</Text></TextContent>` });

test.each<[name: string, read: Read, file: string | Uint8Array, rows: unknown[], error?: string]>([
  [
    "XML that laughs a billion times",
    readOnix,
    LAUGHS + message(description("&lol9;"), product({})),
    [": invalid_format", good],
  ],
  [
    "XML with an external entity",
    readOnix,
    EXTERNAL + message(description("&x;"), product({})),
    [": invalid_format", good],
  ],
  [
    "XML with an external document type",
    readOnix,
    `<!DOCTYPE ONIXMessage SYSTEM "http://127.0.0.1:1/">${message(product({}))}`,
    [good],
  ],
  [
    "CSV with NUL",
    readCsv,
    `isbn,title\n${ISBN},a\0b\n${ISBN},c\n`,
    ["title: invalid_format", { ...good, title: "c" }],
  ],
  ["NDJSON with NUL", readNdjson, `{"isbn":"${ISBN}","title":"a\0b"}\n${line}`, [": invalid_format", good]],
  [
    "CSV that ends in a quoted cell",
    readCsv,
    `isbn,title\n${ISBN},a\n${ISBN},"b\n`,
    [{ ...good, title: "a" }, ": invalid_format"],
  ],
  [
    "CSV with a quote in a quoted cell",
    readCsv,
    `isbn,title\n${ISBN},"a"b"\n${ISBN},c\n`,
    [": invalid_format", { ...good, title: "c" }],
  ],
  [
    "CSV with its header again",
    readCsv,
    `isbn,title\n${ISBN},a\nisbn,title\n`,
    [{ ...good, title: "a" }, ": invalid_format"],
  ],
  [
    "CSV that is a ZIP (a spreadsheet)",
    readCsv,
    "PK\x03\x04\x14\0\x06\0",
    [],
    "The file is a spreadsheet or an archive: export it as CSV.",
  ],
  [
    "CSV that is gzip",
    readCsv,
    Uint8Array.of(0x1f, 0x8b, 8, 0),
    [],
    "The file is compressed with gzip, and was not announced so.",
  ],
  [
    "CSV that is JSON",
    readCsv,
    line,
    [],
    `No column is named like an ISBN. There are: "{\\"isbn\\":\\"${ISBN}\\"}". Map the one that holds it.`,
  ],
  ["NDJSON that is CSV", readNdjson, "isbn,title\n", [": invalid_format"]],
  [
    "ONIX that is JSON",
    readOnix,
    line,
    [],
    "The file is not well-formed XML in line 2: text data outside of root node.",
  ],
])("%s is refused", async (_, read, file, rows, error = "") => {
  const found = await outcome(read, inChunks(file));
  expect({ rows: found.rows.map(brief), error: found.error }).toEqual({ rows, error });
});

test.each<[name: string, read: Read, file: string]>([
  ["CSV", readCsv, `isbn,title\n${`${ISBN},a\n`.repeat(50_000)}`],
  ["NDJSON", readNdjson, line.repeat(50_000)],
  ["ONIX", readOnix, message(...Array.from({ length: 2_000 }, () => product({})))],
])("%s is not read ahead of its consumer, and is closed when that stops", async (_, read, file) => {
  let taken = 0;
  let isClosed = false;
  async function* counted() {
    try {
      for await (const chunk of inChunks(file)) {
        taken++;
        yield chunk;
      }
    } finally {
      isClosed = true;
    }
  }
  for await (const batch of read(counted())) if (batch.length > 0) break;
  expect(taken).toBeLessThan(7);
  expect(isClosed).toBe(true);
});
