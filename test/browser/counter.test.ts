/** The till, goods in and the count in a browser: with a scanner, with connections that break, and without JavaScript. */
import type { Page, Route } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { eventually, type ShopBrowser, shopBrowser } from "../support/shop-browser.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";
import { tokenFor } from "../support/token.ts";

/** The form is idle: all that was scanned is on the page. */
const settled = (page: Page) =>
  eventually(() => page.locator("#lines").getAttribute("aria-busy")).toBe("false");

/** What the lines say, but for what is wrong with them. */
const lines = (page: Page) =>
  page
    .locator("#lines tbody tr")
    .evaluateAll((rows) =>
      rows.map((row) =>
        [
          row.querySelector(".title")?.textContent,
          row.querySelector<HTMLInputElement>(".quantity")?.value,
        ].join(" × "),
      ),
    );

const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);

/** The script is the same on every runtime, so two of them get a short form of the tests. */
describe.skipIf(!CHROMIUM).each(RUNTIMES)("in Chromium, on %s", (runtime) => {
  const onWorkerd = test.runIf(runtime === "workerd");
  let url: string;
  let shop: ShopBrowser;
  let clerk: Clerk;
  let api: Client;

  beforeAll(async () => {
    const database = await createTestDatabase();
    ({ url } = await startServer(runtime, database, STAFF_VARIABLES));
    clerk = await signIn(url, "editor");
    api = await createClient(url, await tokenFor("editor"));
    shop = shopBrowser(await startBrowser(), url);
  });

  const open = (path: string, options = {}) =>
    shop.open(path, { storageState: clerk.storageState, ...options });
  const stocked = async (title: string, stock = 10) =>
    (await api("POST", "/api/v1/books", { body: newBook({ title, stock }) })).json;
  const stockOf = async ({ id }: { id: string }) => (await api("GET", `/api/v1/books/${id}`)).json.stock;
  const movementsOf = async ({ id }: { id: string }) =>
    (await api("GET", `/api/v1/books/${id}/stock/movements`)).json.data;

  /** Types as fast as a scanner: all keys are there before the page has done anything. */
  const scan = (page: Page, ...isbns: string[]) =>
    page.evaluate((texts) => {
      const press = (key: string) => {
        const target = () => document.activeElement as HTMLInputElement;
        const isTaken = !target().dispatchEvent(
          new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
        );
        if (isTaken) return;
        if (key === "Enter") target().form?.requestSubmit(target().form?.querySelector("[type=submit]"));
        else document.execCommand("insertText", false, key);
      };
      for (const text of texts) for (const key of [...text, "Enter"]) press(key);
    }, isbns);

  test("two scans back to back are two lines, and the next scan goes on where the focus was", async () => {
    const [one, other] = [await stocked("One"), await stocked("Other")];
    const page = await open("/staff/till");
    await scan(page, one.isbn, other.isbn, one.isbn);
    await settled(page);
    expect(await lines(page)).toEqual(["One × 2", "Other × 1"]);
    expect([await focused(page), await page.getByLabel("ISBN").inputValue()]).toEqual(["scan", ""]);
    expect(await page.getByRole("status").textContent()).toBe("One, 2. $29.97 in all.");
    await page.keyboard.type(`${other.isbn}\n`);
    await settled(page);
    expect(await lines(page)).toEqual(["Other × 2", "One × 2"]);
  });

  onWorkerd("a scan counts wherever the focus is, and disturbs nothing that is being typed", async () => {
    const [one, other] = [await stocked("One"), await stocked("Other")];
    const page = await open("/staff/till");
    await scan(page, one.isbn);
    await settled(page);
    await page.getByRole("button", { name: "Remove One" }).focus();
    await scan(page, other.isbn);
    await settled(page);
    await page.getByLabel("Quantity of One").focus();
    await scan(page, other.isbn);
    await settled(page);
    expect(await lines(page)).toEqual(["Other × 2", "One × 1"]);
    let free = () => {};
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    await page.route("**/staff/till", (route) => held.then(() => route.continue()));
    await page.keyboard.type(`${other.isbn}\n`);
    await page.getByLabel("Quantity of One").fill("7");
    free();
    await settled(page);
    expect(await lines(page)).toEqual(["Other × 3", "One × 7"]);
    await page.keyboard.press("Enter");
    await settled(page);
    expect(await page.locator(".total strong").textContent()).toBe("$99.90");
  });

  test("a reload keeps the cart, two tabs are two carts, and a sale ends it", async () => {
    const [one, other] = [await stocked("One"), await stocked("Other")];
    const page = await open("/staff/till");
    await scan(page, one.isbn, one.isbn);
    await settled(page);
    await page.reload();
    await eventually(() => lines(page)).toEqual(["One × 2"]);
    const tab = await page.context().newPage();
    await tab.goto(`${url}/staff/till`);
    await scan(tab, other.isbn);
    await settled(tab);
    expect([await lines(tab), await lines(page)]).toEqual([["Other × 1"], ["One × 2"]]);
    for (const each of [page, tab]) {
      await each.getByRole("button", { name: "Sell" }).click();
      await each.getByRole("heading", { name: "Receipt" }).waitFor();
      await each.goto(`${url}/staff/till`);
      await each.getByText("Scan a book to begin.").waitFor();
    }
    expect([await stockOf(one), await stockOf(other)]).toEqual([8, 9]);
  });

  /** Where the connection breaks: the server has not heard of the request, or has answered it. */
  const BREAKS: [string, (route: Route) => Promise<void>][] = [
    ["before the server has it", (route) => route.abort()],
    ["after the server has answered", (route) => route.fetch({ maxRedirects: 0 }).then(() => route.abort())],
  ];

  test.each(BREAKS)(
    "with a connection that breaks at every step, %s, nothing is lost or sold twice",
    async (_, cut) => {
      const [one, other] = [await stocked("One"), await stocked("Other")];
      const page = await open("/staff/till");
      /** Does something while the connection is away, and tries again. */
      const interrupted = async (act: () => Promise<unknown>) => {
        await page.route("**/staff/till", cut);
        await act();
        await page.getByRole("button", { name: "Try again" }).waitFor();
        await page.unroute("**/staff/till");
        await page.getByRole("button", { name: "Try again" }).click();
      };
      await interrupted(() => scan(page, one.isbn, other.isbn));
      await settled(page);
      expect(await lines(page)).toEqual(["Other × 1", "One × 1"]);
      await interrupted(async () => {
        await page.getByLabel("Quantity of One").fill("3");
        await page.keyboard.press("Enter");
      });
      await settled(page);
      await interrupted(() => page.getByRole("button", { name: "Remove Other" }).click());
      await settled(page);
      expect(await lines(page)).toEqual(["One × 3"]);
      await interrupted(() => page.getByRole("button", { name: "Sell" }).click());
      await page.getByRole("heading", { name: "Receipt" }).waitFor();
      expect([await stockOf(one), await stockOf(other)]).toEqual([7, 10]);
      expect((await movementsOf(one)).map(({ delta }: { delta: number }) => delta)).toEqual([-3, 10]);
    },
  );

  onWorkerd(
    "a sale whose answer was lost is not made again after a reload, nor by somebody else",
    async () => {
      const one = await stocked("One");
      const page = await open("/staff/till");
      await scan(page, one.isbn);
      await settled(page);
      await page.route("**/staff/till", (route) =>
        route.fetch({ maxRedirects: 0 }).then(() => route.abort()),
      );
      await page.getByRole("button", { name: "Sell" }).click();
      await page.getByRole("button", { name: "Try again" }).waitFor();
      await page.unroute("**/staff/till");
      const { storageState } = await signIn(url, "clerk", "somebody else");
      await page.context().addCookies(storageState.cookies);
      await page.reload();
      await eventually(() => lines(page)).toEqual(["One × 1"]);
      await settled(page);
      await page.getByRole("button", { name: "Sell" }).click();
      await page.getByRole("heading", { name: "Receipt" }).waitFor();
      expect(await stockOf(one)).toBe(9);
    },
  );

  onWorkerd("a session that ends in between costs nothing", async () => {
    const one = await stocked("One");
    const page = await open("/staff/till");
    await scan(page, one.isbn);
    await settled(page);
    await page.context().clearCookies();
    await scan(page, one.isbn);
    await page.getByText("Sign in in another tab").waitFor();
    await page.context().addCookies((await signIn(url)).storageState.cookies);
    await page.getByRole("button", { name: "Try again" }).click();
    await eventually(() => lines(page)).toEqual(["One × 2"]);
  });

  onWorkerd("a half scan is a line of its own until the whole is scanned", async () => {
    const one = await stocked("One");
    const page = await open("/staff/till");
    await scan(page, one.isbn.slice(3), "9780306406157", "978030640615");
    await settled(page);
    await eventually(() => page.locator("#lines .fault").allTextContents()).toEqual([
      "Must be a valid ISBN-10 or ISBN-13.",
      "Names no book.",
      "Must be a valid ISBN-10 or ISBN-13.",
    ]);
    await page.getByRole("button", { name: "Remove 9780306406157" }).click();
    await page.getByRole("button", { name: "Remove 978030640615", exact: true }).click();
    await scan(page, one.isbn);
    await settled(page);
    expect(await lines(page)).toEqual(["One × 1"]);
  });

  test("what came in is added to the stock once, under the number of its delivery note", async () => {
    const one = await stocked("One", 0);
    const page = await open("/staff/receive");
    await scan(page, one.isbn);
    await settled(page);
    await page.getByLabel("Quantity of One").fill("1,000");
    await page.getByLabel("Delivery note").fill("4711/b & c");
    await page.reload();
    await eventually(() => page.getByLabel("Quantity of One").inputValue()).toBe("1,000");
    await eventually(() => page.getByLabel("Delivery note").inputValue()).toBe("4711/b & c");
    await page.getByRole("button", { name: "Add to the stock" }).click();
    await page.getByRole("heading", { name: "4711/b & c" }).waitFor();
    await eventually(() => page.locator(".lines tbody td").allTextContents()).toEqual(["1000", "1000"]);
    expect(await movementsOf(one)).toMatchObject([
      { delta: 1000, reason: "delivery", reference: "4711/b & c" },
    ]);
  });

  onWorkerd("a book that the catalogue does not have is added to it, and the delivery goes on", async () => {
    const one = await stocked("One");
    const { isbn } = newBook();
    const page = await open("/staff/receive");
    await scan(page, one.isbn, isbn);
    await settled(page);
    await page.getByRole("link", { name: "Add the book to the catalogue" }).click();
    expect(await page.getByLabel("ISBN").inputValue()).toBe(isbn);
    await page.getByLabel("Title").fill("New");
    await page.getByLabel("Author").fill("Somebody");
    await page.getByLabel("Price").fill("12.50");
    await page.keyboard.press("Enter");
    await eventually(() => lines(page)).toEqual(["New × 1", "One × 1"]);
  });

  test("a count is saved as it is typed, and the differences survive a reload", async () => {
    const books = [await stocked("One"), await stocked("Other"), await stocked("Third")];
    const page = await open("/staff/count");
    for (const [at, counted] of ["12", "10", "3"].entries()) {
      await scan(page, books[at].isbn);
      expect(await focused(page)).toBe("count");
      await page.keyboard.type(`${counted}\n`);
      expect(await focused(page)).toBe("scan");
    }
    await settled(page);
    expect(await page.getByRole("status").textContent()).toBe("Third: 3, 7 fewer than expected.");
    expect(await lines(page)).toEqual(["Third × 3", "One × 12"]);
    await page.reload();
    await eventually(() => lines(page)).toEqual(["Third × 3", "One × 12"]);
    await page.getByLabel("Count of Third").fill("9");
    await page.keyboard.press("Enter");
    await settled(page);
    await eventually(() => page.locator("#lines .sum").allTextContents()).toEqual(["−1", "+2"]);
    expect(await Promise.all(books.map(stockOf))).toEqual([12, 10, 9]);
    await page.getByRole("button", { name: "Finish this count" }).click();
    await page.getByText("Differences are listed here").waitFor();
  });

  onWorkerd("a count without an ISBN stays, and the focus goes to the ISBN", async () => {
    const one = await stocked("One");
    const page = await open("/staff/count");
    await page.getByLabel("Count", { exact: true }).fill("4");
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("scan");
    await scan(page, one.isbn);
    await settled(page);
    expect([await lines(page), await focused(page)]).toEqual([["One × 4"], "scan"]);
  });

  onWorkerd(
    "whoever presses the button twice sells once, and a scan meanwhile is the next customer's",
    async () => {
      const [one, other] = [await stocked("One"), await stocked("Other")];
      const page = await open("/staff/till");
      await scan(page, one.isbn);
      await settled(page);
      await page.getByRole("button", { name: "Sell" }).evaluate((button: HTMLButtonElement) => {
        button.click();
        button.click();
      });
      await scan(page, other.isbn);
      await page.getByRole("heading", { name: "Receipt" }).waitFor();
      await page.getByRole("button", { name: "Next customer" }).click();
      await eventually(() => lines(page)).toEqual(["Other × 1"]);
      expect([await stockOf(one), await stockOf(other)]).toEqual([9, 10]);
    },
  );

  onWorkerd("in the field of the count, a scan is the next book", async () => {
    const [one, other] = [await stocked("One"), await stocked("Other")];
    const page = await open("/staff/count");
    await scan(page, one.isbn);
    await page.keyboard.type("4", { delay: 60 });
    await page.waitForTimeout(60);
    await scan(page, other.isbn);
    await page.keyboard.type("5\n", { delay: 60 });
    await settled(page);
    expect(await lines(page)).toEqual(["Other × 5", "One × 4"]);
  });

  onWorkerd("there is a tone for each outcome, unless sounds are off", async () => {
    const one = await stocked("One");
    const page = await open("/staff/till");
    await page.evaluate(() => {
      const played: number[] = [];
      Object.assign(globalThis, { played });
      const { start } = OscillatorNode.prototype;
      OscillatorNode.prototype.start = function (when) {
        played.push(this.frequency.value);
        start.call(this, when);
      };
    });
    const played = () =>
      page.evaluate(() => (globalThis as unknown as { played: number[] }).played.splice(0));
    expect(await played()).toEqual([]);
    for (const [text, tones] of [
      [one.isbn, [1320]],
      ["9780306406157", [660, 440]],
      ["97803064", [196]],
    ]) {
      await page.keyboard.type(`${text}\n`);
      await settled(page);
      expect(await played()).toEqual(tones);
    }
    await page.getByLabel("Sounds").uncheck();
    await page.keyboard.type(`${one.isbn}\n`);
    await settled(page);
    expect(await played()).toEqual([]);
    await page.reload();
    expect(await page.getByLabel("Sounds").isChecked()).toBe(false);
  });

  test("all of it works without JavaScript", async () => {
    const [one, other] = [await stocked("One"), await stocked("Other")];
    const page = await open("/staff/till", { javaScriptEnabled: false });
    const type = async (label: string, text: string) => {
      await page.getByLabel(label, { exact: true }).fill(text);
      await page.keyboard.press("Enter");
    };
    await type("ISBN", one.isbn);
    await type("ISBN", other.isbn);
    await type("Quantity of One", "4");
    await page.getByRole("button", { name: "Remove Other" }).click();
    await page.getByRole("button", { name: "Sell" }).click();
    await eventually(() => page.locator(".receipt tbody td").allTextContents()).toEqual([
      "$9.99",
      "4",
      "$39.96",
    ]);
    await page.getByRole("button", { name: "Undo the sale" }).click();
    expect(await page.locator(".undone").textContent()).toContain("Undone on");
    expect(await stockOf(one)).toBe(10);
    await type("ISBN", other.isbn);
    expect(await page.locator(".total strong").textContent()).toBe("$9.99");
    await page.getByRole("link", { name: "Count" }).click();
    await type("ISBN", one.isbn);
    await page.locator("#count[autofocus]").waitFor();
    await type("Count", "7");
    expect(await page.locator("#lines .sum").textContent()).toBe("−3");
    await page.getByRole("link", { name: "Goods in" }).click();
    await type("ISBN", one.isbn);
    await page.getByRole("button", { name: "Add to the stock" }).click();
    await eventually(() => page.locator(".lines tbody td").allTextContents()).toEqual(["1", "8"]);
  });

  test("no page made the browser complain", () => {
    expect(shop.complaints).toEqual([]);
  });
});
