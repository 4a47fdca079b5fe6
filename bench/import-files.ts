/** The files of `npm run bench:import`. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { generator, makeBook } from "../dev/seed.ts";
import { recordText } from "../src/catalogue/csv-records.ts";
import { readOnix } from "../src/catalogue/onix.ts";
import { REFERENCE } from "../test/support/onix.ts";

export const COLUMNS = ["title", "author", "isbn", "price", "stock", "description"] as const;
const ONIX_PRODUCTS = 20_000;

/** Writes generated books, from a number on. */
export async function writeCsv(file: string, first: number, rows: number): Promise<void> {
  const random = generator(43);
  function* lines() {
    yield `${COLUMNS.join(",")}\n`;
    for (let row = 0; row < rows; row++) {
      const book = makeBook(first + row, random);
      yield `${recordText(
        COLUMNS.map((name) => `${book[name] ?? ""}`),
        ",",
      )}\n`;
    }
  }
  await pipeline(lines(), createWriteStream(file));
}

/** Products of ONIX per second of CPU of this process, of 3.5 KB each. */
export async function onixRate(): Promise<number> {
  const [, start = "", product = ""] = REFERENCE.match(/^(.*?)(<Product>\n.*<\/Product>)/s) ?? [];
  const padding = `<TextContent><TextType>02</TextType><Text>${"x".repeat(500)}</Text></TextContent>`;
  const padded = product.replace("<CollateralDetail>", `<CollateralDetail>${padding}`);
  async function* file() {
    yield Buffer.from(start);
    for (let at = 0; at < ONIX_PRODUCTS; at++) yield Buffer.from(padded);
    yield Buffer.from("</ONIXMessage>");
  }
  const before = process.cpuUsage();
  let products = 0;
  for await (const rows of readOnix(file(), { currency: "EUR" })) products += rows.length;
  const { user, system } = process.cpuUsage(before);
  return products / ((user + system) / 1e6);
}
