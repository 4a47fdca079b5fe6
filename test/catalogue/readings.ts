/** Files that exercise what runtimes could do differently: decoding, regular expressions, normalization, parsers. */
import { readCsv } from "../../src/catalogue/csv.ts";
import { readNdjson } from "../../src/catalogue/ndjson.ts";
import { readOnix } from "../../src/catalogue/onix.ts";
import type { RowBatches } from "../../src/catalogue/rows.ts";
import { inChunks } from "../support/catalogue.ts";
import { ISBN, message, product, REFERENCE, SHORT } from "../support/onix.ts";

type Read = (source: AsyncIterable<Uint8Array>) => RowBatches;

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

function utf16(text: string, isBigEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), !isBigEndian);
  return new Uint8Array(view.buffer);
}

const TOO_LONG = `<Product><X>${"x".repeat(1_100_000)}</X></Product>`;

const FILES: [read: Read, file: string | Uint8Array][] = [
  [readCsv, `isbn;Titel;Preis\n${ISBN};Cafe\u0301 – x;"12,50 €"\n306406152;"a\n""b""";1.234\n1;2\n`],
  [readCsv, bytes(`isbn,title\n${ISBN},P\xe8re \x96 \x80 \x81\n`)],
  [readCsv, bytes(`isbn,title\n${ISBN},P\xc3\xa8re\n${ISBN},P\xe8re\n${ISBN},\xf0\x9f\x98\n`)],
  [readCsv, utf16(`\ufeffisbn\ttitle\n${ISBN}\t😀 Père\n`, false)],
  [readCsv, utf16(`\ufeffisbn\ttitle\n${ISBN}\t😀 Père\n`, true)],
  [readCsv, `isbn,Año de edición,Gebundener Preis\n${ISBN},2008.0,1\n`],
  [readCsv, "x,y\n1,2\n"],
  [readNdjson, `{"isbn":"${ISBN}","title":"é","price":5.5}\n{\n[]\n{"isbn":"1","price":"x","y":1}\n`],
  [readNdjson, bytes(`{"isbn":"${ISBN}","title":"\xe9"}\n`)],
  [readOnix, REFERENCE],
  [readOnix, SHORT],
  [readOnix, bytes(`<?xml version="1.0" encoding="latin1"?>${message(product({}))}`)],
  [readOnix, message(product({ kind: "05" }), "<Product>&x;\0</Product>", product({}))],
  [readOnix, message(TOO_LONG, product({}))],
  [readOnix, REFERENCE.slice(0, -30)],
  [readOnix, "<a>"],
];

/** Every row of every file, and the error that ends it. */
export async function readings(): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const [read, file] of FILES) {
    for (const size of file.length > 10_000 ? [65_536] : [1, 65_536]) {
      try {
        for await (const batch of read(inChunks(file, size))) found.push(...batch);
      } catch (error) {
        found.push((error as Error).message);
      }
    }
  }
  return found;
}
