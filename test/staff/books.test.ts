/** The list of the shop's books at the counter, who may do what, and exports: on the three runtimes. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { GERMAN, shelfOf } from "../support/shelf.ts";
import { fillShop } from "../support/shop.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";
import { faultyFieldsOf } from "../support/staff-forms.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await fillShop(database);
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;
  let editor: Clerk;
  let clerk: Clerk;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, { ...STAFF_VARIABLES, ...GERMAN }));
    [editor, clerk] = await Promise.all([signIn(url, "editor"), signIn(url, "clerk")]);
  });

  const added = () => shelfOf(editor, database).added();

  test("the list has the filters and the cursors of the API, and links to each book", async () => {
    const first = await editor.get("/staff/books?sort=title");
    expect(first.status).toBe(200);
    const books = await (await fetch(`${url}/api/v1/books?sort=title&limit=50`)).json();
    for (const { id } of books.data) expect(first.html).toContain(`href="/staff/books/${id}"`);
    expect(first.html).toContain(`cursor=${books.next_cursor}`);
    expect(first.html).toContain("The first 50 books");
    expect((await editor.get("/staff/books?search=novel+07")).html).toContain("Novel 07");
    expect((await editor.get("/staff/books?search=xyzzyqqq")).html).toContain("No books");
    const low = await editor.get("/staff/books?stock_below=1&sort=stock");
    expect(low.html).toContain("Novel 08");
    expect(low.html).not.toContain("Novel 07");
  });

  test("a clerk sees no way to change books", async () => {
    const { html } = await clerk.get("/staff/books");
    expect(html).not.toContain("/staff/books/new");
    const { id } = await added();
    const shown = await clerk.get(`/staff/books/${id}`);
    expect([shown.status, shown.html.includes('<form class="book-form')]).toEqual([200, false]);
    expect(shown.html).toContain("9,99\u00a0€");
  });

  test.each<[path: string, isForm: boolean]>([
    ["/staff/books/new", false],
    ["/staff/books/new", true],
    ["/staff/books/{id}", true],
    ["/staff/books/{id}/delete", false],
    ["/staff/books/{id}/delete", true],
    ["/staff/books/import", false],
    ["/staff/books/import", true],
    ["/staff/books/import/file", true],
  ])("%s is forbidden to a clerk (form: %s)", async (path, isForm) => {
    const { id } = await added();
    const at = path.replace("{id}", id);
    const { status, html } = isForm ? await clerk.post(at, { title: "Stolen" }) : await clerk.get(at);
    expect([status, html.includes("requires the role editor")]).toEqual([403, true]);
  });

  test.each(["/staff/books/x", "/staff/books/00000000-0000-7000-8000-000000000000", "/staff/books/x/delete"])(
    "%s is a page that leads on",
    async (path) => {
      const { status, html } = await editor.get(path);
      expect([status, html.includes("This page does not exist")]).toEqual([404, true]);
    },
  );

  test.each([
    ["stock_below=x&sort=stock", ["stock_below", "x", "Must be a whole number"]],
    ["stock_below=2,5&sort=stock", ["stock_below", "2,5", "Must be a whole number"]],
    ["stock_below=5", ["stock_below", "5", "Needs sort=stock or sort=-stock"]],
    ["search=%FF", ["search", "\ufffd", "Must be percent-encoded UTF-8"]],
    ["search=a&search=b", ["search", "a", "Must not be repeated"]],
    ["search=%00", ["search", "\0", "Must not contain U+0000"]],
    [`search=${"a".repeat(201)}`, ["search", "a".repeat(201), "Must have 200 characters or fewer"]],
  ])("/staff/books?%s says why at the field, where what was typed stays", async (query, expected) => {
    for (const path of ["/staff/books", "/staff/books/export"]) {
      const shown = await clerk.get(`${path}?${query}&in_stock=true`);
      expect([path, shown.status, faultyFieldsOf(shown)]).toEqual([path, 422, [expected]]);
      expect(shown.html).toContain('<form class="search-books" action="/staff/books"');
      expect(shown.html).toContain('name="in_stock" value="true"');
    }
  });

  test("what is wrong with parameters that have no field is said, and links lead on without it", async () => {
    const { status, html } = await editor.get("/staff/books?sort=colour&min_price=x&publisher=Ace");
    expect([status, html.match(/<li>[^<]*<\/li>/g)]).toEqual([
      422,
      [expect.stringContaining("min_price must be"), expect.stringContaining("sort must be one of")],
    ]);
    expect(html).toContain('href="/staff/books?publisher=Ace&amp;in_stock=true"');
  });

  test("a cursor that was changed leads to the start of the list, and other parameters do nothing", async () => {
    const changed = await editor.get("/staff/books?sort=title&cursor=x");
    expect(changed.status).toBe(400);
    expect(changed.html).toContain('<a class="button" href="/staff/books?sort=title">');
    expect((await editor.get("/staff/books?limit=x&page=0&utm_source=y&search=")).status).toBe(200);
  });

  test("a cursor of another listing is refused", async () => {
    const [, cursor] = (await editor.get("/staff/books?sort=title")).html.match(/cursor=([\w-]+)/) ?? [];
    expect((await editor.get(`/staff/books?sort=title&cursor=${cursor}`)).status).toBe(200);
    for (const path of ["/staff/books?sort=price&", "/staff/movements?", "/staff/tasks?"])
      expect((await editor.get(`${path}cursor=${cursor}`)).status).toBe(400);
  });

  test("the list is exported for spreadsheets, under the shop's date", async () => {
    await database.sql(
      "insert into books (title, author, isbn, price, stock) values ('=1+1', '@x', $1, 1, 1) on conflict do nothing",
      [isbnOf(799)],
    );
    const { html } = await clerk.get(`/staff/books?search=${isbnOf(799)}`);
    const [, path = ""] = html.match(/href="(\/staff\/books\/export[^"]*)"/) ?? [];
    const { status, headers, html: csv } = await clerk.get(path.replaceAll("&amp;", "&"));
    const today = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Tokyo" }).format();
    expect([status, headers.get("Content-Type")]).toEqual([200, "text/csv; charset=utf-8"]);
    expect(headers.get("Content-Disposition")).toBe(`attachment; filename="books-${today}.csv"`);
    expect(csv).toContain(`'=1+1,'@x,"=""${isbnOf(799)}""",1,1`);
    expect(csv.trim().split("\r\n")).toHaveLength(2);
    for (const query of ["sort=relevance", "min_price=x", "stock_below=5"])
      expect((await clerk.get(`/staff/books/export?${query}`)).status).toBe(422);
    expect((await clerk.get("/staff/books/export?format=ndjson&excel=x")).status).toBe(422);
  });
});
