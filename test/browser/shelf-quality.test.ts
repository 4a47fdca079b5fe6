/** What holds on the pages for books, movements and tasks: accessible, on every screen, in light and dark. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { faultsOf, LOOKS, lookAt } from "../support/axe.ts";
import { isbnOf } from "../support/books.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";
import { fillShop, HOSTILE, RICH } from "../support/shop.ts";
import { type ShopBrowser, shopBrowser } from "../support/shop-browser.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";

/** The margin of a page, in pixels. */
const MARGIN = 20;

/** Where screenshots go, for people. */
const { SCREENSHOTS } = process.env;

const CSV = `isbn,title,author,price,stock\n${isbnOf(500)},Good,Ann Author,5,1\n123,Bad,Ann Author,5,1\n${isbnOf(501)},Worse,Ann Author,x,1\n`;

type Role = "clerk" | "editor";

/** Pages, what brings them into a state, and the role of whoever looks at them. */
const STATES: Record<
  string,
  [path: string, act?: ((page: Page) => Promise<unknown>) | undefined, role?: Role]
> = {
  books: ["/staff/books"],
  "books of a search": ["/staff/books?search=nvoel+07"],
  "books without results": ["/staff/books?search=xyzzyqqq"],
  "low stock": ["/staff/books?stock_below=5&sort=stock"],
  "books with faults": [`/staff/books?stock_below=2,5&sort=stock&search=${"s".repeat(201)}&min_price=x`],
  "books for a clerk": ["/staff/books", undefined, "clerk"],
  "new book": ["/staff/books/new"],
  "new book with faults": [
    "/staff/books/new",
    async (page) => {
      await page.getByLabel("Price").fill("1.234,5x");
      await page.getByText("More about the book").click();
      await page.getByLabel("Language").fill("English!");
      await page.getByRole("button", { name: "Add the book" }).click();
      await page.getByRole("alert").waitFor();
    },
  ],
  "book to edit": ["/staff/books/{RICH}"],
  "book that was saved": ["/staff/books/{RICH}?done=saved"],
  "hostile book": ["/staff/books/{HOSTILE}"],
  "book for a clerk": ["/staff/books/{RICH}", undefined, "clerk"],
  conflict: ["/staff/books/{RICH}", conflicting],
  deletion: ["/staff/books/{RICH}/delete"],
  import: ["/staff/books/import"],
  "import that was checked": [
    "/staff/books/import",
    async (page) => {
      await page
        .getByLabel("The file")
        .setInputFiles({ name: "a.csv", mimeType: "text/csv", buffer: Buffer.from(CSV) });
      await page.getByRole("heading", { name: "Refused rows" }).waitFor();
    },
  ],
  "import of a file that is no catalogue": [
    "/staff/books/import",
    async (page) => {
      await page.getByLabel("Price of new books").fill("1.234");
      await page
        .getByLabel("The file")
        .setInputFiles({ name: "a.csv", mimeType: "text/csv", buffer: Buffer.from(CSV) });
      await page.locator("#default_price-fault").waitFor();
      await page.getByLabel("Price of new books").fill("");
      await page
        .getByLabel("The file")
        .setInputFiles({ name: "letter.txt", mimeType: "text/plain", buffer: Buffer.from("Dear reader,\n") });
      await page.locator("#file-fault").waitFor();
    },
  ],
  movements: ["/staff/movements"],
  "movements with faults": [
    `/staff/movements?since=2020-01-02&until=2020-01-01&reason=${"r".repeat(101)}&reference=%00`,
  ],
  "movements of days": ["/staff/movements?since=2020-01-01&until=2020-01-02"],
  tasks: ["/staff/tasks"],
  "tasks that are done": ["/staff/tasks?completed=true"],
  "task with a fault": [
    "/staff/tasks",
    async (page) => {
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.locator(".fault").waitFor();
    },
  ],
  forbidden: ["/staff/books/new", undefined, "clerk"],
};

/** What reaches into the margin of a page, or beyond. */
const overflowOf = (page: Page) =>
  page.evaluate(
    (margin) =>
      Array.from(document.querySelectorAll("main *, footer .wrap *"))
        .filter((each) => each.getBoundingClientRect().right > innerWidth - margin + 0.5)
        .map((each) => each.outerHTML.slice(0, 200)),
    MARGIN,
  );

/** The texts of cells that are broken within a word. */
const brokenIn = (page: Page, cells: string) =>
  page.locator(cells).evaluateAll((all) =>
    all
      .filter((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length > (cell.textContent?.split(" ").length ?? 1);
      })
      .map((cell) => cell.textContent ?? ""),
  );

/** As long as a usual price, such as "$16.00". */
const isUsual = (price: string) => price.length < 8;

let database: TestDatabase;

/** Changes a book while somebody edits it. */
async function conflicting(page: Page): Promise<void> {
  await page.getByLabel("Title").fill("Rich, second edition");
  await page.getByLabel("Price").fill("12.50");
  const n = Math.floor(Math.random() * 1e6);
  await database.sql("update books set title = $2, stock = $3, description = 'Short.' where isbn = $1", [
    RICH,
    `Rich (${n})`,
    n,
  ]);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
}

describe.skipIf(!CHROMIUM)("in Chromium", () => {
  let url: string;
  let shop: ShopBrowser;
  let people: Record<Role, Clerk>;
  const ids: Record<string, string> = {};

  const open = async (path: string, role: Role, options: object = {}) =>
    shop.open(
      path.replace(/\{(\w+)\}/, (_, name) => ids[name] ?? ""),
      {
        storageState: people[role].storageState,
        ...options,
      },
    );

  beforeAll(async () => {
    database = await createTestDatabase();
    await fillShop(database);
    await database.sql(
      "insert into tasks (title, completed) values ('Order more Dune', false), ($1, false), ('Call', true)",
      ["Donaudampfschifffahrtsgesellschaftskapitän".repeat(6)],
    );
    await database.sql(
      'update books set stock = stock + 5, next_movement = \'{"reason":"delivery","reference":"order 17","actor":"auth0|5f7c8ec7"}\' where title like \'Novel 0%\'',
    );
    for (const [name, isbn] of Object.entries({ RICH, HOSTILE })) {
      const [row] = await database.sql<{ id: string }>("select id from books where isbn = $1", [isbn]);
      ids[name] = row?.id ?? "";
    }
    ({ url } = await startServer("workerd", database, STAFF_VARIABLES));
    shop = shopBrowser(await startBrowser(), url);
    const [clerk, editor] = await Promise.all([signIn(url, "clerk"), signIn(url, "editor")]);
    people = { clerk, editor };
  });

  test.each(Object.entries(STATES))("axe finds nothing: %s", async (name, [path, act, role = "editor"]) => {
    const page = await open(path, role, { viewport: { width: 1280, height: 844 } });
    await act?.(page);
    await page.waitForLoadState();
    for (const [width, colorScheme] of LOOKS) {
      await lookAt(page, width, colorScheme);
      expect(await faultsOf(page)).toEqual([]);
      for (const other of [width, width === 1280 ? 820 : 320, width === 1280 ? 1600 : 768]) {
        await page.setViewportSize({ width: other, height: 844 });
        expect(await overflowOf(page)).toEqual([]);
        expect(await brokenIn(page, "main th[scope=col]")).toEqual([]);
        if (other > 352) expect((await brokenIn(page, "main td.price")).filter(isUsual)).toEqual([]);
        if (SCREENSHOTS)
          await page.screenshot({ path: `${SCREENSHOTS}/${name}-${other}.png`, fullPage: true });
      }
    }
  });

  test("no page made the browser complain", () => {
    expect(shop.complaints).toEqual([]);
  });
});
