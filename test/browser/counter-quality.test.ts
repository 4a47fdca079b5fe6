/** What holds on the till, on goods in and on the count in each state: accessible, and on every screen. */
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { faultsOf, lookAt } from "../support/axe.ts";
import { isbnOf } from "../support/books.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";
import { fillShop, HOSTILE, RIGHT_TO_LEFT } from "../support/shop.ts";
import { eventually, type ShopBrowser, shopBrowser } from "../support/shop-browser.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";

/** Where screenshots go, for people. */
const { SCREENSHOTS } = process.env;

/** `Novel 01` and the like. */
const novel = (number: number) => isbnOf(599 + number);

/** Pages, and what brings them into a state. */
const STATES: Record<string, [path: string, act?: (page: Page) => Promise<unknown>]> = {
  till: ["/staff/till"],
  "till with lines": ["/staff/till", (page) => scan(page, novel(1), novel(2), RIGHT_TO_LEFT, novel(2))],
  "till with faults": [
    "/staff/till",
    async (page) => {
      await scan(page, novel(1), novel(1), HOSTILE, "9780306406157", "97803064061");
      await page.getByLabel("Quantity of Novel 01").fill("2,5");
      await page.keyboard.press("Enter");
      await page.getByText("Must be a whole number.").waitFor();
    },
  ],
  "till without a connection": [
    "/staff/till",
    async (page) => {
      await scan(page, novel(3));
      await page.context().setOffline(true);
      await page.keyboard.type(`${novel(4)}\n${novel(5)}\n`);
      await page.getByRole("button", { name: "Try again" }).waitFor();
    },
  ],
  "till that waits for an answer": [
    "/staff/till",
    async (page) => {
      await scan(page, novel(1));
      await page.route("**/staff/till", () => {});
      await page.keyboard.type(`${novel(2)}\n`);
      await page.locator("#lines[aria-busy=true]").waitFor();
      // What changes slowly has changed.
      await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
    },
  ],
  receipt: ["/staff/till", sold],
  "receipt that is undone": [
    "/staff/till",
    async (page) => {
      await sold(page);
      await page.getByRole("button", { name: "Undo the sale" }).click();
      await page.getByText("Undone on").waitFor();
    },
  ],
  "goods in": [
    "/staff/receive",
    async (page) => {
      await scan(page, novel(8), novel(16), "9780306406157");
      await page.getByLabel("Delivery note").fill("n".repeat(101));
      await page.keyboard.press("Enter");
      await page.getByText("Must have 100 characters or fewer").waitFor();
    },
  ],
  delivery: [
    "/staff/receive",
    async (page) => {
      await scan(page, novel(8), novel(16));
      await page.getByRole("button", { name: "Add to the stock" }).click();
      await page.getByRole("button", { name: "Next delivery" }).waitFor();
    },
  ],
  "count, empty": ["/staff/count"],
  count: [
    "/staff/count",
    async (page) => {
      for (const [number, counted] of [
        [9, "12"],
        [10, "0"],
        [11, "2,5"],
      ] as const) {
        await page.keyboard.type(`${novel(number)}\n${counted}\n`);
        await page
          .getByText(`Novel ${String(number).padStart(2, "0")}: ${counted}`)
          .or(page.getByText("Must be a whole"))
          .first()
          .waitFor();
      }
      await page.keyboard.type("9780306406157\n3\n");
      await page.locator(".fault", { hasText: "Names no book" }).waitFor();
    },
  ],
};

async function scan(page: Page, ...isbns: string[]): Promise<void> {
  for (const isbn of isbns) await page.keyboard.type(`${isbn}\n`);
  await eventually(() => page.locator("#lines").getAttribute("aria-busy")).toBe("false");
}

async function sold(page: Page): Promise<void> {
  await scan(page, novel(6), novel(7), novel(7));
  await page.getByRole("button", { name: "Sell" }).click();
  await page.getByRole("heading", { name: "Receipt" }).waitFor();
}

/** How many lines the navigation takes. */
const linesOfPlaces = (page: Page) =>
  page
    .locator(".top nav a")
    .evaluateAll((all) => new Set(all.map((each) => each.getBoundingClientRect().top)).size);

describe.skipIf(!CHROMIUM)("in Chromium", () => {
  let shop: ShopBrowser;
  let clerk: Clerk;

  beforeAll(async () => {
    const database = await createTestDatabase();
    await fillShop(database);
    await database.sql("update books set stock = 500 where isbn = any($1)", [[novel(6), novel(7)]]);
    const { url } = await startServer("workerd", database, STAFF_VARIABLES);
    clerk = await signIn(url, "editor");
    shop = shopBrowser(await startBrowser(), url);
  });

  test.each(Object.entries(STATES))(
    "axe finds nothing, and nothing is cut: %s",
    async (name, [path, act]) => {
      const { storageState } = clerk;
      const page = await shop.open(path, { viewport: { width: 1280, height: 844 }, storageState });
      await act?.(page);
      for (const [width, colorScheme] of [
        [1280, "light"],
        [820, "dark"],
        [390, "light"],
        [390, "dark"],
      ] as const) {
        await lookAt(page, width, colorScheme);
        expect(await faultsOf(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        expect(await linesOfPlaces(page)).toBe(1);
        if (SCREENSHOTS)
          await page.screenshot({ path: `${SCREENSHOTS}/${name}-${width}-${colorScheme}.png` });
      }
    },
  );

  test("a finger finds every button and field", async () => {
    const { storageState } = clerk;
    const viewport = { width: 390, height: 844 };
    for (const name of ["till with faults", "receipt", "goods in", "count"]) {
      const [path = "", act] = STATES[name] ?? [];
      const page = await shop.open(path, { viewport, storageState, hasTouch: true, isMobile: true });
      await act?.(page);
      const small = () =>
        page.locator(":is(main :is(button, input, a), .top nav a):visible").evaluateAll((all) =>
          all
            .map((each) => (each instanceof HTMLInputElement && each.closest("label")) || each)
            .filter((each) => each.getBoundingClientRect().height < 44)
            .map((each) => each.outerHTML),
        );
      // The style may still be on its way.
      await eventually(async () => [name, await small()]).toEqual([name, []]);
    }
  });

  test("on a phone, the button that sells is within reach of a thumb, however long the cart is", async () => {
    const viewport = { width: 390, height: 844 };
    const page = await shop.open("/staff/till", { viewport, storageState: clerk.storageState });
    await scan(page, ...Array.from({ length: 12 }, (_, at) => novel(21 + at)));
    await page.evaluate(() => scrollTo(0, 0));
    const { y = 0, height = 0 } = (await page.getByRole("button", { name: "Sell" }).boundingBox()) ?? {};
    expect(y).toBeGreaterThan(844 / 2);
    expect(y + height).toBeLessThan(844);
  });

  test("on a phone, where columns have no heads, numbers say what they are", async () => {
    const viewport = { width: 390, height: 844 };
    for (const [path, typed, expected] of [
      ["/staff/receive", [novel(13)], ['"In stock"']],
      ["/staff/count", [novel(13), "777"], ['"Before"', '"Difference"']],
    ] as const) {
      const page = await shop.open(path, { viewport, storageState: clerk.storageState });
      for (const text of typed) await scan(page, text);
      const labels = await page
        .locator("#lines td:visible")
        .evaluateAll((cells) => cells.map((cell) => getComputedStyle(cell, "::before").content));
      expect([...new Set(labels)].filter((label) => label !== "none").sort()).toEqual(expected);
      await page.context().close();
    }
  });

  test("on paper, a receipt is its lines and their sum", async () => {
    const page = await shop.open("/staff/till", { storageState: clerk.storageState });
    await sold(page);
    await page.emulateMedia({ media: "print" });
    // The style may still be on its way.
    await eventually(() => page.locator("button:visible, nav:visible, footer:visible").count()).toBe(0);
    expect(await page.locator("tfoot .sum").isVisible()).toBe(true);
    expect((await page.locator(".receipt").boundingBox())?.width).toBeLessThan(302);
  });

  test("the script is light", async () => {
    const page = await shop.open("/staff/till", { storageState: clerk.storageState });
    const address = await page.locator("script[src]").getAttribute("src");
    const script = await (await page.request.get(new URL(`${address}`, page.url()).href)).body();
    expect(script.byteLength).toBeGreaterThan(1000);
    expect(gzipSync(script).byteLength).toBeLessThan(12 * 1024);
  });

  test("no page made the browser complain", () => {
    expect(shop.complaints).toEqual([]);
  });
});
