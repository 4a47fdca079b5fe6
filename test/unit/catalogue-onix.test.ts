/** ONIX 3.0 and 3.1: what Octavo takes from a product, whichever tags it has. */
import { expect, test } from "vitest";
import { type OnixOptions, readOnix } from "../../src/catalogue/onix.ts";
import { allRows, brief } from "../support/catalogue.ts";
import { ISBN, identifier, message, product, REFERENCE, SHORT, text, title } from "../support/onix.ts";

const rowsOf = (file: string | Uint8Array, options?: OnixOptions, size?: number) =>
  allRows((source) => readOnix(source, options), file, size);

test.each([
  ["3.0 with reference tags", REFERENCE],
  ["3.1 with reference tags", REFERENCE.replace('"3.0"', '"3.1"')],
  ["3.0 with short tags", SHORT],
  [
    "a prefix before its tags",
    REFERENCE.replaceAll(/<(\/?)([A-Z])/g, "<$1o:$2").replace("xmlns=", "xmlns:o="),
  ],
])("ONIX %s is read, wherever its chunks end", async (_, file) => {
  for (const size of [1, 17, 65_536]) {
    const rows = await rowsOf(file, { currency: "EUR", stockIfAvailable: 3 }, size);
    expect(rows.map(brief)).toEqual([
      {
        isbn: ISBN,
        title: "The Glass Harbour: A Novel",
        author: "Ada van Dijk, Inés Núñez",
        price: "20.00",
        stock: 3,
        description: "One & two.\n\nThree\nfour",
        publisher: "Quay Editions",
        published: "2024-09-17",
        language: "de-AT",
        format: "paperback",
        pages: 312,
        cover_url: "https://c.example/large.jpg",
        subjects: ["Modern fiction", "harbours", "glass"],
      },
    ]);
    expect(rows[0]).toMatchObject({ row: 1, line: 7 });
  }
});

test("a deletion is a row of its own", async () => {
  expect(await rowsOf(message(product({ kind: "05" })))).toEqual([
    { kind: "deletion", row: 1, line: 1, isbn: ISBN, repairs: [] },
  ]);
});

test.each<[name: string, xml: string, fault: string]>([
  ["without an identifier", product({ id: "" }), "isbn: required"],
  ["with a GTIN that is no ISBN", product({ id: identifier("03", "4006381333931") }), "isbn: invalid_isbn"],
  ["that is a test", product({ kind: "89" }), ": invalid_format"],
  [
    "with an invalid member",
    product({ detail: title(`<TitleText>${"t".repeat(256)}</TitleText>`) }),
    "title: too_long",
  ],
  ["with an unknown entity", product({ text: text("caf&eacute;") }), ": invalid_format"],
  ["with a control character", product({ text: text("a\u0001b") }), ": invalid_format"],
  ["with NUL", product({ text: text("a\0b") }), ": invalid_format"],
  ["with a reference to NUL", product({ text: text("a&#0;b") }), ": invalid_format"],
])("a product %s is refused, and the next is read", async (_, xml, fault) => {
  for (const size of [1, 65_536]) {
    const rows = await rowsOf(message(xml, product({})), {}, size);
    expect(rows.map(brief)).toEqual([fault, { isbn: ISBN }]);
    expect(rows[0]).toMatchObject({ row: 1, source: xml });
  }
});

test("the declared encoding is that of the text", async () => {
  const xml = `<?xml version="1.0" encoding="ISO-8859-1"?>${message(product({ detail: title("<TitleText>Père \x96 Goriot</TitleText>") }))}`;
  const bytes = Uint8Array.from(xml, (letter) => letter.charCodeAt(0));
  expect((await rowsOf(bytes)).map(brief)).toEqual([{ isbn: ISBN, title: "Père – Goriot" }]);
  await expect(rowsOf(xml.replace("ISO-8859-1", "EBCDIC"))).rejects.toThrow(
    "The encoding EBCDIC is not supported",
  );
});

test.each<[name: string, file: string, error: string]>([
  ["is ONIX 2.1", "<ONIXMessage><Header/></ONIXMessage>", "Ask its sender for ONIX 3.0 or 3.1."],
  ["says that it is ONIX 2.1", '<ONIXmessage release="2.1"></ONIXmessage>', "The file is ONIX 2.1"],
  ["is of a later release", '<ONIXMessage release="4.0"></ONIXMessage>', "The file is ONIX 4.0."],
  ["is another XML", "<html></html>", "its first element is html"],
  ["is not XML", "isbn,title\n", "not well-formed XML in line 2"],
  ["is empty", " \n", "The file is empty."],
  ["ends early", message(product({})).slice(0, -20), "The file ends before its last element does."],
  ["has tags that do not match", message("<Product></Header>"), "not well-formed XML in line 1"],
])("a file that %s is an error", async (_, file, error) => {
  await expect(rowsOf(file)).rejects.toThrow(error);
});

test("rows before an error are yielded", async () => {
  const batches = readOnix(
    (async function* () {
      yield new TextEncoder().encode(message(product({})).replace("</ONIXMessage>", "</Oops>"));
    })(),
  );
  expect((await batches.next()).value).toMatchObject([{ kind: "book", isbn: ISBN }]);
  await expect(batches.next()).rejects.toThrow("not well-formed");
});
