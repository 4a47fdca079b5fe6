/** The members of a book beyond those of the original API, and the parameters of the listing that select by them. */
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { pagesOf } from "../support/walk.ts";

const MEMBERS = {
  publisher: "Ace Books",
  published: "2008-09-14",
  language: "en",
  format: "paperback",
  pages: 412,
  cover_url: "https://covers.example/1.jpg?size=L",
  subjects: ["Science fiction", "Ecology"],
};

const NORMALIZED: [member: string, given: unknown, stored: unknown][] = [
  ["publisher", "  Gollancz ", "Gollancz"],
  ["published", "2008", "2008"],
  ["published", "2008-09", "2008-09"],
  ["published", "2024-02-29", "2024-02-29"],
  ["language", "EN-gb", "en-GB"],
  ["language", "ZH-hant-tw", "zh-Hant-TW"],
  ["cover_url", "HTTPS://covers.example/a b.jpg".replace(" ", "%20"), "https://covers.example/a%20b.jpg"],
  ["subjects", [], []],
  ["subjects", [" Desert planets "], ["Desert planets"]],
];

const INVALID: [member: string, value: unknown, path: string, code: string][] = [
  ["publisher", "", "publisher", "too_short"],
  ["publisher", "x".repeat(256), "publisher", "too_long"],
  ["publisher", 1, "publisher", "invalid_type"],
  ["published", "", "published", "invalid_format"],
  ["published", "08", "published", "invalid_format"],
  ["published", "2008-13", "published", "invalid_format"],
  ["published", "2008-02-30", "published", "invalid_format"],
  ["published", "2008-9-1", "published", "invalid_format"],
  ["published", "2008-09-14T00:00:00Z", "published", "invalid_format"],
  ["published", 2008, "published", "invalid_type"],
  ["language", "", "language", "invalid_format"],
  ["language", "English language", "language", "invalid_format"],
  ["language", "en_GB", "language", "invalid_format"],
  ["language", `en${"-abcdefgh".repeat(4)}`, "language", "invalid_format"],
  ["format", "Paperback", "format", "invalid_format"],
  ["format", "", "format", "invalid_format"],
  ["pages", 0, "pages", "out_of_range"],
  ["pages", 100_001, "pages", "out_of_range"],
  ["pages", 1.5, "pages", "invalid_type"],
  ["cover_url", "http://covers.example/1.jpg", "cover_url", "invalid_format"],
  ["cover_url", "javascript:alert(1)", "cover_url", "invalid_format"],
  ["cover_url", "https://", "cover_url", "invalid_format"],
  ["cover_url", `https://covers.example/${"x".repeat(2000)}`, "cover_url", "too_long"],
  ["subjects", null, "subjects", "invalid_type"],
  ["subjects", "Ecology", "subjects", "invalid_type"],
  ["subjects", Array(21).fill("Ecology"), "subjects", "too_long"],
  ["subjects", ["Ecology", ""], "subjects.1", "too_short"],
  ["subjects", ["x".repeat(101)], "subjects.0", "too_long"],
  ["subjects", ["a\0"], "subjects.0", "invalid_format"],
];

const PARAMETERS: [query: string, code: string][] = [
  ["id=x", "invalid_format"],
  ["id=,", "invalid_format"],
  ["isbn=9780441172719,", "invalid_isbn"],
  [`isbn=${Array(101).fill("9780441172719").join()}`, "too_long"],
  ["publisher=", "too_short"],
  ["language=en_GB", "invalid_format"],
  ["format=scroll", "invalid_format"],
  ["published_from=2008-13", "invalid_format"],
  ["published_from=2009&published_to=2008-12", "out_of_range"],
  ["sort=pages", "invalid_format"],
];

describe.each(RUNTIMES)("%s", (runtime) => {
  let api: Client;

  beforeAll(async () => {
    const { url } = await startServer(runtime, await createTestDatabase(), { AUTH_SECRET: SECRET });
    api = await createClient(url, await tokenFor("editor"));
  });

  const add = async (members: object) =>
    (await api("POST", "/api/v1/books", { body: newBook({ ...members }) })).json;
  const list = async (query: string) => (await api("GET", `/api/v1/books?${query}`)).json;
  const titles = async (query: string) =>
    (await list(query)).data.map(({ title }: { title: string }) => title);

  test("a new book has null for what it does not say, and no subjects", async () => {
    expect(await add({})).toMatchObject({
      ...Object.fromEntries(Object.keys(MEMBERS).map((name) => [name, null])),
      subjects: [],
    });
  });

  test("a book has all its members, in the order of the contract", async () => {
    const book = await add(MEMBERS);
    expect(book).toMatchObject(MEMBERS);
    expect(Object.keys(book).slice(7, 14)).toEqual(Object.keys(MEMBERS));
    const cleared = { ...Object.fromEntries(Object.keys(MEMBERS).map((name) => [name, null])), subjects: [] };
    const { json } = await api("PATCH", `/api/v1/books/${book.id}`, { body: cleared });
    expect(json).toMatchObject(cleared);
  });

  test.each(NORMALIZED)("%s %j is stored as %j", async (member, given, stored) => {
    expect((await add({ [member]: given }))[member]).toEqual(stored);
  });

  test.each(INVALID)("%s %j is a validation error", async (member, value, path, code) => {
    const { status, json } = await api("POST", "/api/v1/books", { body: newBook({ [member]: value }) });
    expect([
      status,
      json.details.map((error: { path: string; code: string }) => [error.path, error.code]),
    ]).toEqual([422, [[path, code]]]);
  });

  test.each(PARAMETERS)("the parameter %s is a validation error", async (query, code) => {
    const { status, json } = await api("GET", `/api/v1/books?${query}`);
    expect([status, json.details.map((error: { code: string }) => error.code)]).toEqual([422, [code]]);
  });

  describe("the listing", () => {
    const BOOKS = [
      { title: "None" },
      { title: "Year", publisher: "Éditions Fa", published: "2001", language: "fr", format: "ebook" },
      { title: "Month", publisher: "éditions fa", published: "2001-05", language: "FR-ca", format: "other" },
      { title: "Day", publisher: "Fa", published: "2001-05-20", subjects: ["Élan", "Moose"] },
      { title: "Later", published: "2002-01", subjects: ["élan vital"] },
    ];
    const ONLY = "author=Membership";
    let ids: Record<string, string>;
    let isbns: string[];

    beforeAll(async () => {
      const added = [];
      for (const book of BOOKS) added.push(await add({ ...book, author: "Membership" }));
      ids = Object.fromEntries(added.map(({ title, id }) => [title, id]));
      isbns = added.map(({ isbn }) => isbn);
    });

    test.each([
      ["publisher=%C3%89DITIONS%20FA", ["Month", "Year"]],
      ["language=fr", ["Year"]],
      ["language=fr-CA", ["Month"]],
      ["format=EBOOK", ["Year"]],
      ["subject=%C3%89LAN", ["Day"]],
      ["subject=moose", ["Day"]],
      ["subject=elan", []],
      ["published_from=2001-05-21", ["Later", "Month", "Year"]],
      ["published_from=2001-06", ["Later", "Year"]],
      ["published_from=2002", ["Later"]],
      ["published_to=2001-05-19", ["Month", "Year"]],
      ["published_to=2001-04", ["Year"]],
      ["published_to=2001", ["Day", "Month", "Year"]],
      ["published_from=2001-05&published_to=2001-05", ["Day", "Month", "Year"]],
    ])("%s selects the books that it names", async (query, expected) => {
      expect((await titles(`${ONLY}&${query}`)).sort()).toEqual(expected.sort());
      expect((await list(`${ONLY}&${query}&count=exact`)).total).toBe(expected.length);
    });

    test("sort=published sorts dates as text, and unknown dates first", async () => {
      const order = ["None", "Year", "Month", "Day", "Later"];
      expect(await titles(`${ONLY}&sort=published`)).toEqual(order);
      expect(await titles(`${ONLY}&sort=-published`)).toEqual(order.toReversed());
      const page = (cursor = "") => list(`${ONLY}&sort=published&limit=1${cursor}`);
      const pages = await pagesOf(await page(), ({ next_cursor: next }) => next && page(`&cursor=${next}`));
      expect(pages.flatMap(({ data }) => data).map(({ title }) => title)).toEqual(order);
    });

    test("id and isbn list the books that exist, and as many as they name", async () => {
      const missing = "00000000-0000-7000-8000-000000000000";
      const page = await list(`id=${ids.Year},${missing},${ids.Day}&sort=title`);
      expect(page.data.map(({ title }: { title: string }) => title)).toEqual(["Day", "Year"]);
      expect(page.limit).toBe(3);
      const byIsbn = await list(`isbn=${isbns.join()}&sort=title&count=exact`);
      expect([byIsbn.data.length, byIsbn.limit, byIsbn.total, byIsbn.next_cursor]).toEqual([5, 5, 5, null]);
      expect((await list(`isbn=${isbns.join()}&limit=2`)).data).toHaveLength(2);
      const numbered = await list(`isbn=${isbns.join()}&page=1`);
      expect([numbered.limit, numbered.total_pages]).toEqual([5, 1]);
    });

    test("a new filter does not invalidate a cursor, and a changed filter does", async () => {
      const { next_cursor: cursor } = await list("sort=published&limit=1");
      expect((await api("GET", `/api/v1/books?sort=published&cursor=${cursor}`)).status).toBe(200);
      const changed = await api("GET", `/api/v1/books?sort=published&language=en&cursor=${cursor}`);
      expect([changed.status, changed.json.error]).toEqual([400, "invalid_cursor"]);
    });
  });
});
