/** The list of the shop's books at the counter, who may do what, and exports: on the three runtimes. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { GERMAN, shelfOf } from "../support/shelf.ts";
import { fillShop } from "../support/shop.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";

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
    ["stock_below=x&sort=stock", 422],
    ["stock_below=5", 422],
    ["sort=colour", 422],
    ["search=%FF", 422],
    ["search=a&search=b", 422],
    ["search=%00", 422],
    [`search=${"a".repeat(201)}`, 422],
    ["cursor=x", 400],
    ["limit=x&page=0&utm_source=y&search=", 200],
  ])("/staff/books?%s is %i", async (query, status) => {
    expect((await editor.get(`/staff/books?${query}`)).status).toBe(status);
  });

  test("an address with faults leads on to one without", async () => {
    const { html } = await editor.get("/staff/books?stock_below=5&sort=title");
    expect(html).toContain("stock_below needs sort=stock or sort=-stock.");
    expect(html).toContain('<a class="button" href="/staff/books">');
    const changed = await editor.get("/staff/books?sort=title&cursor=x");
    expect(changed.html).toContain('<a class="button" href="/staff/books?sort=title">');
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
