/** Which books the search in the database finds. */
import { beforeAll, expect, test } from "vitest";
import { checkDigit13 } from "../../src/books/isbn.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;

/** Title and author, by ISBN in the order of the list. */
const BOOKS: [title: string, author: string][] = [
  ["1984", "George Orwell"],
  ["Catch-22", "Joseph Heller"],
  ["The Three-Body Problem", "Liu Cixin"],
  ["三体", "刘慈欣"],
  ["Spider-Man: Blue", "Jeph Loeb"],
  ["Spiderman Forever", "Stan Lee"],
  ["The Spider Man of Rome", "Vera Ricci"],
  ["The Cat in the Hat", "Dr. Seuss"],
  ["Harry Potter (Harry Potter, #1)", "J.K. Rowling"],
  ["The Casual Vacancy", "J. K. Rowling"],
  ["The Third Policeman", "Flann O’Brien"],
  ["Winter's Night", "Italo Calvino"],
  ["R.U.R.", "Karel Čapek"],
  ["The C++ Programming Language", "Bjarne Stroustrup"],
  ["The C Programming Language", "Brian Kernighan"],
  ["Expert F#", "Don Syme"],
  ["Pro C#", "Andrew Troelsen"],
  [".NET in Action", "Dustin Metzgar"],
  ["Ёлка и другие рассказы", "Михаил Зощенко"],
  ["Οδύσσεια", "Όμηρος"],
  ["كِتَابُ الأَمْثَال", "الجاحظ"],
  ["סֵפֶר הַזֹּהַר", "משה די ליאון"],
  ["ノルウェイの森", "村上春樹"],
  ["สี่แผ่นดิน", "คึกฤทธิ์ ปราโมช"],
  ["L'Étranger", "Albert Camus"],
  ["The Hobbit", "J.R.R. Tolkien"],
  ["Cien años de soledad", "Gabriel García Márquez"],
  ["???", "Nobody"],
];

const isbnOf = (at: number) => {
  const digits = `978${700_000_000 + at * 1_234_567}`;
  return digits + checkDigit13(digits);
};

beforeAll(async () => {
  database = await createTestDatabase();
  await add(BOOKS);
});

async function add(books: [string, string][]): Promise<void> {
  await database.sql(
    `insert into books (title, author, isbn, price)
     select title, author, isbn, 1 from unnest($1::text[], $2::text[], $3::text[]) as book (title, author, isbn)`,
    [books.map(([title]) => title), books.map(([, author]) => author), books.map((_, at) => isbnOf(at))],
  );
}

/** The titles found, best first. */
async function find(
  search: string | null,
  author: string | null = null,
  { sql } = database,
): Promise<string[]> {
  const rows = await sql<{ title: string }>(
    `select books.title from octavo_plan_search($1, $2) as plan, octavo_search_books(plan, 1000) as hit join books on id = hit.book_id
     order by score desc, hit.book_id desc`,
    [search, author],
  );
  return rows.map(({ title }) => title);
}

const matchOf = async (search: string | null, author: string | null = null) =>
  (await database.sql("select match from octavo_plan_search($1, $2)", [search, author]))[0]?.match;

test.each([
  ["c++", "The C++ Programming Language"],
  ["c#", "Pro C#"],
  ["f#", "Expert F#"],
  [".net", ".NET in Action"],
  ["1984", "1984"],
  ["catch 22", "Catch-22"],
  ["catch22", "Catch-22"],
  ["three body problem", "The Three-Body Problem"],
  ["threebody", "The Three-Body Problem"],
  ["dr seuss", "The Cat in the Hat"],
  ["jk rowling", "The Casual Vacancy"],
  ["j k rowling", "Harry Potter (Harry Potter, #1)"],
  ["o brien", "The Third Policeman"],
  ["obrien", "The Third Policeman"],
  ["winter’s night", "Winter's Night"],
  ["winter s night", "Winter's Night"],
  ["rur", "R.U.R."],
  ["r u r", "R.U.R."],
  ["etranger", "L'Étranger"],
  ["jrr tolkien", "The Hobbit"],
  ["marquez soledad", "Cien años de soledad"],
  ["harry pot", "Harry Potter (Harry Potter, #1)"],
  ["елка рассказы", "Ёлка и другие рассказы"],
  ["οδυσσεια ομηρος", "Οδύσσεια"],
  ["كتاب", "كِتَابُ الأَمْثَال"],
  ["ספר", "סֵפֶר הַזֹּהַר"],
  ["三体", "三体"],
  ["体", "三体"],
  ["森", "ノルウェイの森"],
  ["村上", "ノルウェイの森"],
  ["แผ่นดิน", "สี่แผ่นดิน"],
])("%s finds %s by all words", async (search, title) => {
  expect(await matchOf(search)).toBe("all");
  expect(await find(search)).toContain(title);
});

test("spiderman and spider man find the title in either spelling", async () => {
  expect(await find("spiderman")).toEqual(["Spiderman Forever", "Spider-Man: Blue"]);
  expect((await find("spider man")).toSorted()).toEqual(["Spider-Man: Blue", "The Spider Man of Rome"]);
});

test.each([
  ["tolkein", "similar", "The Hobbit"],
  ["hobit", "similar", "The Hobbit"],
  ["stroustrupp", "similar", "The C++ Programming Language"],
  ["oliceman", "similar", "The Third Policeman"],
  ["hatcat vacancy xyzzyx", "some", "The Casual Vacancy"],
])("%s finds a book by %s words", async (search, match, title) => {
  expect(await matchOf(search)).toBe(match);
  expect(await find(search)).toContain(title);
});

test("the title itself comes before titles that hold it", async () => {
  const { sql } = await createTestDatabase();
  const titles = ["Dune Messiah", "Dune", "Children of Dune", "A Book by Dune"];
  await sql(
    `insert into books (title, author, isbn, price)
     select title, 'A', 9780000000000 + row_number() over (), 1 from unnest($1::text[]) as title`,
    [titles],
  );
  expect((await find("dune", null, { ...database, sql })).slice(0, 2)).toEqual(["Dune", "Dune Messiah"]);
});

test.each([
  ["one letter of the last word", "seuss the cat in the h", "The Cat in the Hat"],
  ["a frequent beginning alone", "t", "The Third Policeman"],
  ["a frequent beginning behind an author", "tolkien t", "The Hobbit"],
])("%s is a beginning", async (_, search, title) => {
  expect(await matchOf(search)).toBe("all");
  expect(await find(search)).toContain(title);
});

test("the title comes before longer ones with or without its article, joined or split, and half typed", async () => {
  const { sql } = await createTestDatabase();
  const titles = [
    "The Summit",
    "Night Fall",
    "The Summit Fever",
    "Summit Fever",
    "Night Fall of the Summit Tribes",
  ];
  await sql(
    `insert into books (title, author, isbn, price)
     select title, 'Edith Vance', 9780000000000 + row_number() over (), 1 from unnest($1::text[]) as title`,
    [titles],
  );
  const first = async (search: string) => (await find(search, null, { ...database, sql }))[0];
  expect(await first("summit")).toBe("The Summit");
  expect(await first("a summit")).toBe("The Summit");
  expect(await first("nightfall")).toBe("Night Fall");
  expect(await first("vance night f")).toBe("Night Fall");
  expect(await first("vance the summit fev")).toBe("The Summit Fever");
});

test("an author is found among authors alone", async () => {
  expect(await find(null, "orwell")).toEqual(["1984"]);
  expect(await matchOf(null, "hobbit")).not.toBe("all");
  expect(await find("hobbit", "tolkien")).toEqual(["The Hobbit"]);
});

test("an ISBN is found whole, with hyphens, as ISBN-10, and by its beginning and end", async () => {
  const isbn = isbnOf(1);
  const hyphenated = isbn.replace(/^(...)(.)(....)(....)(.)$/, "$1-$2-$3-$4-$5");
  const body = isbn.slice(3, 12);
  const sum = [...body].reduce((total, digit, at) => total + Number(digit) * (10 - at), 0);
  const check = (11 - (sum % 11)) % 11;
  const isbn10 = body + (check === 10 ? "X" : check);
  for (const typed of [
    isbn,
    hyphenated,
    hyphenated.replaceAll("-", " "),
    isbn10,
    isbn.slice(0, 9),
    isbn.slice(-4),
  ])
    expect([typed, await find(typed)]).toEqual([typed, expect.arrayContaining(["Catch-22"])]);
  expect(await find(`heller ${hyphenated}`)).toEqual(["Catch-22"]);
});

test.each([
  "%",
  "_",
  "&",
  "|",
  "!",
  ":*",
  "'",
  '"',
  "\\",
  "\\'",
  "<->",
  "()",
  "' | '",
  "!!!",
  "\u0301\u0301",
  "\u202e",
  "😀",
  " ".repeat(200),
  "",
  "+",
  "#",
])("%j finds nothing", async (search) => {
  expect(await find(search)).toEqual([]);
  expect(await matchOf(search)).toBeNull();
});

test.each([
  "hobbit & xyzzyx",
  "!hobbit",
  "hobbit:*",
  "hobbit' | 'x",
  "hobbit\\",
  "(hobbit",
  "hobbit <-> hat",
  "h%t",
])("%j is read as words", async (search) => {
  const plain = search.replace(/[^a-z]+/g, " ").trim();
  expect(await find(search)).toEqual(await find(plain));
});

test("long and odd terms are planned", async () => {
  const terms = [
    "a".repeat(200),
    "ﷺ".repeat(200),
    "a ".repeat(100),
    "ab ".repeat(66),
    "三".repeat(200),
    "1".repeat(200),
  ];
  for (const term of terms) await find(term);
  for (let code = 33; code < 127; code++) await find(String.fromCharCode(code));
});

test("folding what is folded changes nothing", async () => {
  const rows = await database.sql(
    `select title from unnest($1::text[]) as title where octavo_fold(octavo_fold(title)) <> octavo_fold(title)`,
    [BOOKS.flat()],
  );
  expect(rows).toEqual([]);
});
