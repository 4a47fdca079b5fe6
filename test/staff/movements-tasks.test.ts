/** The ledger and the to-do list at the counter, without a script: on the three runtimes. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";
import { faultyFieldsOf } from "../support/staff-forms.ts";

const TOKYO = { ...STAFF_VARIABLES, SHOP_LOCALE: "de-DE", SHOP_TIME_ZONE: "Asia/Tokyo" };
const DUNE = isbnOf(1);
const GONE = isbnOf(2);

const countOf = (html: string) => html.match(/class="note count">([^<]+)</)?.[1];

/** The date in Tokyo, some days from now. */
const day = (days: number) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Tokyo" }).format(Date.now() + days * 86_400_000);

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql(
    "insert into books (title, author, isbn, price, stock) values ('Dune', 'Frank Herbert', $1, 9, 1000), ('Gone', 'X', $2, 9, 1)",
    [DUNE, GONE],
  );
  await database.sql("delete from books where isbn = $1", [GONE]);
  const next = { reason: "sale", reference: "receipt 1", actor: "ann" };
  await database.sql("update books set stock = 999, next_movement = $2 where isbn = $1", [DUNE, next]);
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;
  let clerk: Clerk;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, TOKYO));
    clerk = await signIn(url, "clerk");
  });

  test("movements name their books, and lead to those that are there", async () => {
    const { status, html } = await clerk.get("/staff/movements");
    const [book] = await database.sql<{ id: string }>("select id from books where isbn = $1", [DUNE]);
    expect([status, countOf(html)]).toEqual([200, "4 movements"]);
    expect(html).toContain(`<a href="/staff/books/${book?.id}" dir="auto">Dune</a>`);
    expect(html).toContain(`${GONE} (deleted)`);
    expect(html).toContain("+1.000");
    expect(html).toContain("−1");
    expect(html).toContain('<a href="/staff/movements?reference=receipt+1">receipt 1</a>');
    expect(html).toContain("<bdi>ann</bdi>");
    const [movement] = await database.sql<{ created_at: Date }>(
      "select created_at from stock_movements where reference = 'receipt 1'",
    );
    const [hour] = new Intl.DateTimeFormat("de-DE", { timeZone: "Asia/Tokyo", timeStyle: "short" })
      .format(movement?.created_at)
      .split(":");
    expect(html).toMatch(new RegExp(`<time datetime="[^"]+">[^<]+ ${hour}:\\d\\d</time> · <a [^>]+>sale<`));
  });

  test.each<[query: () => string, movements: string]>([
    [() => "reference=receipt+1", "1 movement"],
    [() => "reason=sale", "1 movement"],
    [() => "reason=deleted", "1 movement"],
    [() => "reason=sale&reference=receipt+2", "No movements"],
    [() => `since=${day(0)}`, "4 movements"],
    [() => `until=${day(0)}`, "4 movements"],
    [() => `since=${day(1)}`, "No movements"],
    [() => `until=${day(-1)}`, "No movements"],
    [() => `since=${day(0)}&until=${day(0)}&reason=sale`, "1 movement"],
    [() => "since=&until=&reason=&reference=&limit=x&utm_source=y", "4 movements"],
  ])("movements can be narrowed down: case %#", async (query, movements) => {
    const { status, html } = await clerk.get(`/staff/movements?${query()}`);
    expect([status, countOf(html)]).toEqual([200, movements]);
  });

  test("days are those of the shop", async () => {
    const { html } = await clerk.get("/staff/movements?reason=sale");
    const [, time = ""] = html.match(/datetime="([^"]+)"/) ?? [];
    const date = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Tokyo" }).format(new Date(time));
    const found = await clerk.get(`/staff/movements?since=${date}&until=${date}`);
    expect(countOf(found.html)).toBe("4 movements");
    expect(found.html).toContain(`name="since" value="${date}"`);
  });

  test.each([
    ["since=x", ["since", "x", "Must be a date such as 2026-11-26"]],
    ["since=2026-02-30", ["since", "2026-02-30", "Must be a date such as 2026-11-26"]],
    ["since=2026-11-26T00:00:00Z", ["since", "2026-11-26T00:00:00Z", "Must be a date such as 2026-11-26"]],
    ["until=0001-01-01", ["until", "0001-01-01", "Must be a date such as 2026-11-26"]],
    ["until=9999-12-31", ["until", "9999-12-31", "Must be a date such as 2026-11-26"]],
    ["since=2026-11-27&until=2026-11-25", ["since", "2026-11-27", "Must not be later than until"]],
    [`reason=${"a".repeat(101)}`, ["reason", "a".repeat(101), "Must have 100 characters or fewer"]],
    ["reference=%00", ["reference", "\0", "Must not contain U+0000"]],
    ["reference=%ff", ["reference", "\ufffd", "Must be percent-encoded UTF-8"]],
    ["reason=a&reason=b", ["reason", "a", "Must not be repeated"]],
  ])("/staff/movements?%s says why at the field, where what was typed stays", async (query, expected) => {
    const shown = await clerk.get(`/staff/movements?${query}&actor=x`);
    expect([shown.status, faultyFieldsOf(shown)]).toEqual([422, [expected]]);
    expect(shown.html).toContain("<title>Movements");
    expect(shown.html).toContain('href="/staff/movements"');
  });

  test("a task is added once, ticked off, opened again and deleted", async () => {
    const title = `Order <Dune> & ${runtime}`;
    const shown = `Order &lt;Dune&gt; &amp; ${runtime}`;
    const once = crypto.randomUUID();
    const both = await Promise.all([1, 2].map(() => clerk.post("/staff/tasks", { title, once })));
    expect(both.map(({ status }) => status)).toEqual([303, 303]);
    const tasks = await database.sql<{ id: string }>("select id from tasks where title = $1", [title]);
    expect(tasks).toHaveLength(1);
    const [{ id }] = tasks as [{ id: string }];
    const isShown = async (path: string) => (await clerk.get(path)).html.includes(shown);
    expect(await isShown("/staff/tasks")).toBe(true);
    const ticked = await clerk.post(`/staff/tasks/${id}`, { completed: "true", to: "/staff/tasks?cursor=x" });
    expect([ticked.status, ticked.headers.get("Location")]).toEqual([303, "/staff/tasks?cursor=x"]);
    expect([await isShown("/staff/tasks"), await isShown("/staff/tasks?completed=true")]).toEqual([
      false,
      true,
    ]);
    await clerk.post(`/staff/tasks/${id}`, { completed: "false", to: "https://evil.example" });
    expect(await isShown("/staff/tasks")).toBe(true);
    const deleted = await clerk.post(`/staff/tasks/${id}/delete`, { to: "//evil.example" });
    expect([deleted.status, deleted.headers.get("Location")]).toEqual([303, "/staff/tasks"]);
    expect(await isShown("/staff/tasks")).toBe(false);
    expect((await clerk.post(`/staff/tasks/${id}/delete`)).status).toBe(303);
  });

  test.each([
    ["", "Must not be empty"],
    [" ", "Must not be empty"],
    ["a".repeat(256), "Must have 255 characters or fewer"],
    ["\0", "Must not contain U+0000"],
  ])("the task %j is told at its field, and stays", async (title, fault) => {
    const { status, html } = await clerk.post("/staff/tasks", { title });
    expect([status, html.match(/id="title-fault" class="fault">([^<]+)</)?.[1]]).toEqual([422, fault]);
    if (title.startsWith("a")) expect(html).toContain(`value="${title}"`);
  });

  test.each([
    ["/staff/tasks/x", 404],
    ["/staff/tasks/00000000-0000-7000-8000-000000000000", 404],
    ["/staff/tasks/x/delete", 404],
  ])("a form sent to %s is %i", async (path, status) => {
    expect((await clerk.post(path, { completed: "true" })).status).toBe(status);
  });

  test.each([
    ["completed=maybe", 422],
    ["cursor=x", 400],
    ["completed=", 200],
  ])("/staff/tasks?%s is %i", async (query, status) => {
    expect((await clerk.get(`/staff/tasks?${query}`)).status).toBe(status);
  });

  test.each(["/staff/books", "/staff/books/new", "/staff/books/import", "/staff/movements", "/staff/tasks"])(
    "%s leads whoever is not signed in there, and back",
    async (path) => {
      const response = await fetch(url + path, { headers: { Accept: "text/html" }, redirect: "manual" });
      const to = `/staff/sign-in?to=${encodeURIComponent(path)}`;
      expect([response.status, response.headers.get("Location")]).toEqual([303, to]);
    },
  );

  test.each(["/staff/books/new", "/staff/tasks", "/staff/books/import"])(
    "%s takes no form without its token",
    async (path) => {
      const editor = await signIn(url, "editor");
      for (const form_token of ["", "x", clerk.formToken]) {
        const fields: [string, string][] = [
          ["form_token", form_token],
          ["title", "Forged"],
        ];
        const response = await fetch(url + path, {
          method: "POST",
          body: new URLSearchParams(fields),
          headers: { Cookie: editor.cookie },
        });
        expect(response.status).toBe(403);
      }
      expect(await database.sql("select from tasks where title = 'Forged'")).toEqual([]);
    },
  );
});

test("movements go on by cursors, which keep the days", async () => {
  const many = await createTestDatabase();
  await many.sql(
    "insert into books (title, author, isbn, price, stock) select 'B', 'A', isbn, 1, 1 from unnest($1::text[]) isbn",
    [Array.from({ length: 60 }, (_, at) => isbnOf(100 + at))],
  );
  const { url } = await startServer("workerd", many, TOKYO);
  const clerk = await signIn(url, "clerk");
  const first = await clerk.get(`/staff/movements?since=${day(0)}`);
  expect(countOf(first.html)).toBe("The first 50 movements");
  const [, next = ""] = first.html.match(/rel="next" href="([^"]+)"/) ?? [];
  const second = await clerk.get(next.replaceAll("&amp;", "&"));
  expect(countOf(second.html)).toBe("10 more movements");
  const [, back = ""] = second.html.match(/rel="prev" href="([^"]+)"/) ?? [];
  expect((await clerk.get(back.replaceAll("&amp;", "&"))).html).toContain("50 more movements");
  const [, cursor] = next.match(/cursor=([\w-]+)/) ?? [];
  expect((await clerk.get(`/staff/movements?cursor=${cursor}`)).status).toBe(400);
});
