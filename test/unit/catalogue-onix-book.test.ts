/** What Octavo takes from a product of ONIX, member by member. */
import { expect, test } from "vitest";
import { type OnixOptions, readOnix } from "../../src/catalogue/onix.ts";
import { allRows } from "../support/catalogue.ts";
import { ISBN, identifier, message, product, text, title } from "../support/onix.ts";

const rowsOf = (file: string, options?: OnixOptions) => allRows((source) => readOnix(source, options), file);

async function bookOf(parts: Parameters<typeof product>[0], options?: OnixOptions): Promise<unknown> {
  const [row] = await rowsOf(message(product(parts)), options);
  return row?.kind === "book"
    ? { ...row.book, ...(row.repairs.length > 0 && { repairs: row.repairs }) }
    : row;
}

test.each<[name: string, id: string, isbn: string, ...repairs: string[]]>([
  ["a GTIN", identifier("03", ISBN), ISBN],
  ["an ISBN-10", identifier("02", "0306406152"), ISBN, "isbn_10"],
  ["an ISBN-13 behind others", identifier("03", "9780804429573") + identifier("15", ISBN), ISBN],
  ["a GTIN, where the ISBN-13 is wrong", identifier("15", "9780306406150") + identifier("03", ISBN), ISBN],
  ["hyphens", identifier("15", "978-0-306-40615-7"), ISBN, "isbn_separators"],
])("the ISBN is taken from %s", async (_, id, isbn, ...repairs) => {
  expect(await rowsOf(message(product({ id })))).toMatchObject([{ kind: "book", isbn, repairs }]);
});

const contributor = (role: string, name: string) =>
  `<Contributor><ContributorRole>${role}</ContributorRole>${name}</Contributor>`;
const named = (name: string) => `<PersonName>${name}</PersonName>`;
const date = (text: string, format?: string) =>
  `<PublishingDate><PublishingDateRole>01</PublishingDateRole><Date${format ? ` dateformat="${format}"` : ""}>${text}</Date></PublishingDate>`;

const DETAILS: [detail: string, members: Record<string, unknown>][] = [
  [title("<TitleText>Plain</TitleText>"), { title: "Plain" }],
  [
    title("<TitlePrefix>L’</TitlePrefix><TitleWithoutPrefix>Étranger</TitleWithoutPrefix>"),
    { title: "L’Étranger" },
  ],
  [title("<NoPrefix/><TitleWithoutPrefix>Bare</TitleWithoutPrefix>"), { title: "Bare" }],
  [title("<TitleText>Why?</TitleText><Subtitle>Because</Subtitle>"), { title: "Why? Because" }],
  [
    title(`<TitleText>T</TitleText><Subtitle>${"s".repeat(254)}</Subtitle>`),
    { title: "T", repairs: ["subtitle_left_out"] },
  ],
  [
    `<TitleDetail><TitleType>10</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>DISTRIBUTOR</TitleText></TitleElement></TitleDetail>${title("<TitleText>Distinctive</TitleText>")}`,
    { title: "Distinctive" },
  ],
  [
    title(
      "<PartNumber>2</PartNumber></TitleElement><TitleElement><TitleElementLevel>02</TitleElementLevel><TitleText>Series</TitleText>",
    ),
    { title: "Series, 2" },
  ],
  [
    `<Collection>${title("<TitleText>Series</TitleText>", "02")}</Collection>${title("<TitleText>Volume</TitleText>")}`,
    { title: "Volume" },
  ],
  [contributor("B01", named("Editor")) + contributor("A01", named("Author")), { author: "Author" }],
  [contributor("B01", named("Editor")) + contributor("A12", named("Illustrator")), { author: "Illustrator" }],
  [contributor("B06", named("Translator")) + contributor("B01", named("Editor")), { author: "Editor" }],
  [contributor("A01", "<CorporateName>Example Institute</CorporateName>"), { author: "Example Institute" }],
  [contributor("A01", "<UnnamedPersons>02</UnnamedPersons>"), { author: "Anonymous" }],
  [contributor("A01", "<KeyNames>Voltaire</KeyNames>"), { author: "Voltaire" }],
  ["<ContributorStatement>By many</ContributorStatement>", { author: "By many" }],
  [
    Array.from({ length: 30 }, (_, at) => contributor("A01", named(`Contributor ${at + 10}`))).join(""),
    {
      author: Array.from({ length: 16 }, (_, at) => `Contributor ${at + 10}`).join(", "),
      repairs: ["contributors_left_out"],
    },
  ],
  ["<ProductForm>BB</ProductForm>", { format: "hardback" }],
  ["<ProductForm>BH</ProductForm>", { format: "board_book" }],
  ["<ProductForm>ED</ProductForm><ProductFormDetail>E101</ProductFormDetail>", { format: "ebook" }],
  ["<ProductForm>ED</ProductForm><ProductFormDetail>A103</ProductFormDetail>", { format: "audiobook" }],
  ["<ProductForm>AC</ProductForm>", { format: "audiobook" }],
  ["<ProductForm>PC</ProductForm>", { format: "other" }],
  ["<ProductForm>BA</ProductForm>", {}],
  [
    "<Extent><ExtentType>09</ExtentType><ExtentValue>360</ExtentValue><ExtentUnit>05</ExtentUnit></Extent><Extent><ExtentType>05</ExtentType><ExtentValue>0</ExtentValue></Extent><Extent><ExtentType>07</ExtentType><ExtentValue>200</ExtentValue></Extent>",
    { pages: 200 },
  ],
  ["<Language><LanguageRole>02</LanguageRole><LanguageCode>swe</LanguageCode></Language>", {}],
  [
    "<Language><LanguageRole>01</LanguageRole><LanguageCode>fre</LanguageCode></Language>",
    { language: "fr" },
  ],
  [
    Array.from(
      { length: 25 },
      (_, at) => `<Subject><SubjectHeadingText>S${at}</SubjectHeadingText></Subject>`,
    ).join(""),
    { subjects: Array.from({ length: 20 }, (_, at) => `S${at}`), repairs: ["subjects_left_out"] },
  ],
  [
    "<Subject><SubjectSchemeIdentifier>93</SubjectSchemeIdentifier><SubjectCode>FBA</SubjectCode></Subject>",
    {},
  ],
];

test.each(DETAILS.map(([detail, members]) => [members, detail] as const))(
  "a product gives %j",
  async (members, detail) => {
    expect(await bookOf({ detail })).toEqual(members);
  },
);

const TEXTS: [xml: string, description: string][] = [
  [text(" Plain\n  text &lt; 5 "), "Plain\ntext < 5"],
  [
    text(
      "&lt;p&gt;Un &lt;b&gt;caf&amp;eacute;&lt;/b&gt;&amp;nbsp;&amp;#8211; &amp;#x201C;x&amp;rdquo;&lt;/p&gt;",
    ),
    "Un café – “x”",
  ],
  [
    text("<![CDATA[<p>A &amp; B</p><ul><li>one</li><li>two</li></ul>]]>", ' textformat="02"'),
    "A & B\n\n• one\n• two",
  ],
  [text("<p>1 &lt; 2 <b>&amp;amp;</b></p>", ' textformat="05"'), "1 < 2 &amp;"],
  [text("Line\nnext", ' textformat="05"'), "Line\nnext"],
];

test.each(TEXTS.map(([xml, description]) => [description, xml] as const))(
  "the description %j is text",
  async (description, xml) => {
    expect(await bookOf({ text: xml })).toEqual({ description });
  },
);

test("a short description is none, and a cover without TLS is left out", async () => {
  const short = "<TextContent><TextType>02</TextType><Text>Short</Text></TextContent>";
  const cover =
    "<SupportingResource><ResourceContentType>01</ResourceContentType><ResourceVersion><ResourceLink>http://c.example/1.jpg</ResourceLink></ResourceVersion></SupportingResource>";
  expect(await bookOf({ text: short })).toEqual({});
  expect(await bookOf({ text: cover })).toEqual({ repairs: ["cover_left_out"] });
});

test.each<[date: string, published: string | undefined]>([
  [date("20240917"), "2024-09-17"],
  [date("2024-09-17"), "2024-09-17"],
  [date("202409", "01"), "2024-09"],
  [date("2024", "05"), "2024"],
  [date("20240000"), "2024"],
  [date("20240900"), "2024-09"],
  [date("20240917T1015Z", "13"), "2024-09-17"],
  [date("Spring", "12"), undefined],
])("the date %s is %s", async (publishing, published) => {
  expect(await bookOf({ publishing })).toEqual(published ? { published } : {});
});

const price = (type: string, amount: string, currency: string) =>
  `<Price><PriceType>${type}</PriceType><PriceAmount>${amount}</PriceAmount><CurrencyCode>${currency}</CurrencyCode></Price>`;

test("prices are taken by currency, with tax before those without", async () => {
  const supply =
    price("05", "1", "GBP") +
    price("01", "8.33", "GBP") +
    price("42", "2", "GBP") +
    price("02", "9.99", "EUR");
  expect(await bookOf({ supply }, { currency: "GBP" })).toEqual({ price: "8.33" });
  expect(await bookOf({ supply }, { currency: "EUR" })).toEqual({ price: "9.99" });
  expect(await bookOf({ supply }, { currency: "USD" })).toEqual({});
  expect(await bookOf({ supply })).toEqual({});
});

test.each([
  ["20", 5],
  ["21", 5],
  ["31", 0],
  ["40", 0],
])("availability %s is a stock of %i, by option", async (code, stock) => {
  const supply = `<ProductAvailability>${code}</ProductAvailability>`;
  expect(await bookOf({ supply }, { stockIfAvailable: 5 })).toEqual({ stock });
  expect(await bookOf({ supply })).toEqual({});
});

test("a block update has only its block, and `only` picks members", async () => {
  const update = { kind: "04", supply: price("02", "9.99", "GBP") };
  expect(await bookOf(update, { currency: "GBP" })).toEqual({ price: "9.99" });
  const full = { detail: title("<TitleText>T</TitleText>"), supply: price("02", "9.99", "GBP") };
  expect(await bookOf(full, { currency: "GBP", only: ["price"] })).toEqual({ price: "9.99" });
});
