/** The forms of books at the counter, without a script: on the three runtimes. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { faultOf, GERMAN, locationOf, sentIn, shelfOf } from "../support/shelf.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

let next = 7000;

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;
  let editor: Clerk;
  let shelf: ReturnType<typeof shelfOf>;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, { ...STAFF_VARIABLES, ...GERMAN }));
    editor = await signIn(url, "editor");
    shelf = shelfOf(editor, database);
  });

  test("a book is added with numbers as the locale has them, and returns to where it was asked for", async () => {
    const { isbn, id } = await shelf.added({
      price: "1.234,5",
      stock: "1.000",
      subjects: "Sand\r\n\r\n Spice ",
      pages: "",
    });
    expect(await shelf.rowOf(isbn)).toMatchObject({
      price: "1234.50",
      stock: 1000,
      subjects: ["Sand", "Spice"],
      pages: null,
    });
    expect((await editor.get(`/staff/books/${id}?done=added`)).html).toContain("The book was added.");
    const { answer } = await shelf.added({ to: "/staff/receive?x=1" });
    expect([answer.status, locationOf(answer)]).toEqual([303, "/staff/receive?x=1"]);
    for (const to of [
      "https://evil.example/staff",
      "//evil.example/staff",
      "/books",
      "/staff/../api",
      "/staff\\@evil",
    ]) {
      expect(locationOf((await shelf.added({ to })).answer)).toMatch(/^\/staff\//);
    }
    expect(sentIn((await editor.get(`/staff/books/new?isbn=${isbn}`)).html, "isbn")).toBe(isbn);
  });

  test("a double click adds a book once, and the same form adds another one", async () => {
    const once = crypto.randomUUID();
    const isbn = isbnOf(next++);
    const both = await Promise.all([shelf.added({ once, isbn }), shelf.added({ once, isbn })]);
    expect(both.map(({ answer: { status } }) => status)).toEqual([303, 303]);
    expect(both[0]?.id).toBe(both[1]?.id);
    expect((await shelf.added({ once })).answer.status).toBe(303);
  });

  test("a taken ISBN leads to the book that has it, and what was typed stays", async () => {
    const { isbn, id } = await shelf.added();
    const { answer } = await shelf.added({ isbn, title: "Another <one>" });
    expect([answer.status, faultOf(answer.html, "isbn")]).toEqual([422, "Is that of another book"]);
    expect(answer.html).toContain(`href="/staff/books/${id}"`);
    expect(answer.html).toContain('value="Another &lt;one&gt;"');
  });

  test.each<[name: string, typed: string, fault: string]>([
    ["title", "", "Must not be empty"],
    ["title", " ", "Must not be empty"],
    ["title", "a".repeat(256), "Must have 255 characters or fewer"],
    ["title", "\0", "Must not contain U+0000"],
    ["author", "", "Must not be empty"],
    ["isbn", "", "Must be a valid ISBN-10 or ISBN-13"],
    ["isbn", "97803064061", "Must be a valid ISBN-10 or ISBN-13"],
    ["price", "", "Is required"],
    ["price", "0", "Must be above 0 for a book with stock"],
    ["price", "-1", "Must be 0 or more"],
    ["price", "1,234", "Must be 1234 or 1,23: its mark could mean either"],
    ["price", "1e3", "Must be a number, such as 12,50"],
    ["price", "12,345,6", "Must be a number, such as 12,50"],
    ["price", "9,9999", "Must have at most two decimals"],
    ["price", "100000000", "Must be 99999999.99 or less"],
    ["price", "9".repeat(400), "Is too large for a number"],
    ["stock", "", "Is required"],
    ["stock", "2,5", "Must be a whole number"],
    ["stock", "-1", "Must be 0 or more"],
    ["stock", "1e9", "Must be a number, such as 12,50"],
    ["stock", "2147483648", "Must be 2147483647 or less"],
    ["description", "a".repeat(10_001), "Must have 10000 characters or fewer"],
    ["publisher", "a".repeat(256), "Must have 255 characters or fewer"],
    ["published", "14.9.2008", "Must be a date such as 2008, 2008-09 or 2008-09-14"],
    ["language", "English!", "Must be a language tag such as en or pt-BR"],
    ["format", "scroll", "Must be one of hardback, paperback, board_book, ebook, audiobook, other"],
    ["pages", "0", "Must be 1 or more"],
    ["pages", "many", "Must be a number, such as 12,50"],
    ["cover_url", "http://covers.example/x.jpg", "Must be an https URL"],
    ["subjects", `ok\n${"a".repeat(101)}`, "Must have 100 characters or fewer (number 2)"],
    ["subjects", "a\n".repeat(21), "Must have 20 items or fewer"],
  ])("%s %j is told at its field, for a new book and for one that is there", async (name, typed, fault) => {
    const { answer } = await shelf.added({ [name]: typed });
    expect([answer.status, faultOf(answer.html, name)]).toEqual([422, fault]);
    const { id, isbn } = await shelf.added();
    const before = await shelf.rowOf(isbn);
    const { status, html } = await editor.post(`/staff/books/${id}`, {
      ...(await shelf.editing(id)),
      [name]: typed,
    });
    expect([status, faultOf(html, name)]).toEqual([422, fault]);
    expect(await shelf.rowOf(isbn)).toEqual(before);
  });

  test("a field that is a file, and one that is sent twice, are no surprise", async () => {
    const form = new FormData();
    form.append("title", new Blob(["x"]), "x.txt");
    for (const author of ["First", "Second"]) form.append("author", author);
    const { status, html } = await editor.post("/staff/books/new", form);
    expect([status, faultOf(html, "title"), sentIn(html, "author")]).toEqual([
      422,
      "Must not be empty",
      "First",
    ]);
  });

  test("all faults are told at once", async () => {
    const { status, html } = await editor.post("/staff/books/new", { title: "", price: "x", stock: "y" });
    const faults = ["title", "author", "isbn", "price", "stock"].map((name) => faultOf(html, name));
    expect([status, faults]).toEqual([
      422,
      [
        "Must not be empty",
        "Is required",
        "Is required",
        "Must be a number, such as 12,50",
        "Must be a number, such as 12,50",
      ],
    ]);
  });

  test("only what was changed is saved", async () => {
    const { id, isbn } = await shelf.added({ description: "One\nTwo", subjects: "A\nB" });
    const saved = await editor.post(`/staff/books/${id}`, { ...(await shelf.editing(id)), price: "12.50" });
    expect([saved.status, locationOf(saved)]).toEqual([303, `/staff/books/${id}?done=saved`]);
    expect(await shelf.rowOf(isbn)).toMatchObject({
      price: "12.50",
      description: "One\nTwo",
      subjects: ["A", "B"],
    });
    const before = await shelf.rowOf(isbn);
    expect((await editor.post(`/staff/books/${id}`, await shelf.editing(id))).status).toBe(303);
    expect(await shelf.rowOf(isbn)).toEqual(before);
  });

  test("a change that came between is shown beside one's own, and neither is lost", async () => {
    const { id, isbn } = await shelf.added({ title: "Dune", publisher: "Ace" });
    const begun = await shelf.editing(id);
    await database.sql(
      "update books set title = 'Dune (1965)', stock = 2, publisher = 'Chilton' where id = $1",
      [id],
    );
    const mine = { ...begun, title: "DUNE", price: "5" };
    const conflict = await editor.post(`/staff/books/${id}`, mine);
    expect(conflict.status).toBe(412);
    for (const value of ["Dune (1965)", "DUNE"])
      expect(conflict.html).toContain(`<input type="radio" name="title" value="${value}" required=""/>`);
    expect(conflict.html).toContain('<input type="radio" name="price" value="5" checked="" required=""/>');
    expect(conflict.html).toContain("Also changed since you began");
    expect(await shelf.rowOf(isbn)).toMatchObject({ title: "Dune (1965)", price: "9.99" });
    const chosen = {
      version: sentIn(conflict.html, "version"),
      was: sentIn(conflict.html, "was"),
      title: "DUNE",
      price: "5",
    };
    await database.sql("update books set stock = 1 where id = $1", [id]);
    const again = await editor.post(`/staff/books/${id}`, chosen);
    expect(again.status).toBe(412);
    const last = { ...chosen, version: sentIn(again.html, "version"), was: sentIn(again.html, "was") };
    expect((await editor.post(`/staff/books/${id}`, last)).status).toBe(303);
    expect(await shelf.rowOf(isbn)).toMatchObject({
      title: "DUNE",
      price: "5.00",
      stock: 1,
      publisher: "Chilton",
    });
  });

  test("the same change by two is no conflict", async () => {
    const { id } = await shelf.added();
    const begun = await shelf.editing(id);
    await database.sql("update books set title = 'Dune 2' where id = $1", [id]);
    expect((await editor.post(`/staff/books/${id}`, { ...begun, title: "Dune 2" })).status).toBe(303);
  });

  test.each(["", "x", "0", "99", "-1", "1.5", "\0", "9".repeat(30), "1' or true"])(
    "a forged version %j changes nothing",
    async (version) => {
      const { id, isbn } = await shelf.added();
      const forged = { ...(await shelf.editing(id)), version, title: "Forged" };
      expect((await editor.post(`/staff/books/${id}`, forged)).status).toBe(412);
      expect((await editor.post(`/staff/books/${id}/delete`, { version })).status).toBe(412);
      expect((await shelf.rowOf(isbn))?.title).toBe("Dune");
    },
  );

  test.each(["", "{", "null", "[]", '{"title":5}', "\ud800"])(
    "forged texts of the beginning %j are as none",
    async (was) => {
      const { id, isbn } = await shelf.added();
      const { status } = await editor.post(`/staff/books/${id}`, {
        ...(await shelf.editing(id)),
        was,
        title: "Dune 2",
      });
      expect(status).toBe(303);
      expect(await shelf.rowOf(isbn)).toMatchObject({ title: "Dune 2", price: "9.99", stock: 3 });
    },
  );

  test("a book is deleted after a question, but not if it has changed since", async () => {
    const { id, isbn } = await shelf.added();
    const asked = await editor.get(`/staff/books/${id}/delete`);
    expect(asked.html).toContain("3 in stock");
    await database.sql("update books set stock = 4 where id = $1", [id]);
    const refused = await editor.post(`/staff/books/${id}/delete`, {
      version: sentIn(asked.html, "version"),
    });
    expect([refused.status, refused.html.includes("4 in stock")]).toEqual([412, true]);
    const deleted = await editor.post(`/staff/books/${id}/delete`, {
      version: sentIn(refused.html, "version"),
    });
    expect([deleted.status, await shelf.rowOf(isbn)]).toEqual([200, undefined]);
  });

  test("what was typed into a book that somebody deletes can be added again", async () => {
    const { id, isbn } = await shelf.added();
    const begun = await shelf.editing(id);
    await database.sql("delete from books where id = $1", [id]);
    const { status, html } = await editor.post(`/staff/books/${id}`, { ...begun, title: "Still here" });
    expect([status, sentIn(html, "title")]).toEqual([404, "Still here"]);
    expect(html).toContain('action="/staff/books/new"');
    expect((await editor.post("/staff/books/new", { ...begun, title: "Still here" })).status).toBe(303);
    expect((await shelf.rowOf(isbn))?.title).toBe("Still here");
  });
});
