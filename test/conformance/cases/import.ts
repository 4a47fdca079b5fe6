/** Imports: the report must not depend on the runtime. */
import { ISBN, message, product, REFERENCE, SHORT } from "../../support/onix.ts";
import type { Case } from "../exchange.ts";

const PATH = "/api/v1/books/import";
const role = "editor";

const CSV = `isbn;Titel;Autor;Preis;Bestand;Erschienen
${ISBN};Cafe\u0301 – x;É;12,50 €;3;14.9.2008
306406152;"a\n""b""";A;1.234;1;2008
1;2
x;T;A;1;1;
${ISBN};Zweite;É;;;
`;
const NDJSON = `{"isbn":"${ISBN}","title":"é","author":"B","price":5.5}\n{\n[]\n{"isbn":"1","price":"x","y":1}\n`;

const imports: [status: number, name: string, type: string, raw: string | Uint8Array, query?: string][] = [
  [200, "a spreadsheet", "text/csv", CSV],
  [
    200,
    "a spreadsheet in Windows-1252",
    "text/csv",
    Buffer.from(`isbn,title,author,price\n${ISBN},P\xe8re,B,1\n`, "latin1"),
  ],
  [200, "a rehearsal", "text/csv", CSV, "?dry_run=true"],
  [200, "an import that stops", "text/csv", CSV, "?on_error=stop"],
  [200, "books by line", "application/x-ndjson", NDJSON],
  [200, "prices alone", "application/x-ndjson", NDJSON, "?only=price"],
  [200, "ONIX", "application/onix+xml", REFERENCE, "?currency=EUR&stock_if_available=3"],
  [200, "ONIX with short tags", "application/xml", SHORT, "?default_price=3"],
  [200, "withdrawn books", "application/xml", message(product({ kind: "05" }), "<Product>&x;</Product>")],
  [422, "no header", "text/csv", `${ISBN},A\n`],
  [422, "an empty file", "application/xml", ""],
  [422, "parameters of other formats", "application/x-ndjson", NDJSON, "?map=a=isbn&currency=EUR"],
  [415, "another type", "application/json", "{}"],
];

export const importCases: Case[] = imports.map(([status, name, type, raw, query = ""]) => ({
  name,
  run: (send) => send(status, "POST", PATH + query, { role, raw, headers: { "Content-Type": type } }),
}));
