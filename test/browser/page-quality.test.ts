/** What holds on each page and in each state: accessible, on every screen, light, and without shifts. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { faultsOf, LOOKS, lookAt } from "../support/axe.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";
import { fillShop, HOSTILE, PLAIN, RICH, RIGHT_TO_LEFT } from "../support/shop.ts";
import { eventually, type ShopBrowser, shopBrowser } from "../support/shop-browser.ts";

/** The margin of a page, in pixels. */
const MARGIN = 20;

/** Where screenshots go, for people. */
const { SCREENSHOTS } = process.env;

/** Pages, and what brings them into a state. */
const STATES: Record<string, [path: string, act?: (page: Page) => Promise<unknown>]> = {
  catalogue: ["/"],
  "catalogue with more books": [
    "/?sort=title",
    async (page) => {
      await page.getByRole("link", { name: "Show more books" }).click();
      await page.locator(".card").nth(30).waitFor();
    },
  ],
  "later page": ["/?sort=title", (page) => page.goto(`${page.url()}&cursor=${CURSOR}`)],
  search: ["/", (page) => typed(page, "novel 07")],
  "search with slips": ["/", (page) => typed(page, "novle 07")],
  "search without results": ["/", (page) => typed(page, "xyzzyqqq")],
  "error while typing": [
    "/?author=novel",
    async (page) => {
      await page.getByLabel("Lowest price").fill("9");
      await page.getByLabel("Highest price").fill("5");
      await page.getByLabel("Highest price").press("Enter");
      await page.locator("[role=alert]").waitFor();
    },
  ],
  "search that waits for an answer": [
    "/",
    async (page) => {
      await page.route("**/?*", () => {});
      await page.getByRole("searchbox").fill("novel 07");
      await page.locator("[aria-busy=true]").waitFor();
      // What changes slowly has changed.
      await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
    },
  ],
  filters: [
    "/?subject=Fish+%26+chips&language=de-CH&min_price=1&in_stock=true&sort=-price&publisher=Publisher+%26+Sons",
  ],
  "book with everything": [`/books/${RICH}-rich`],
  "book with little": [`/books/${PLAIN}-plain`],
  "hostile book": [`/books/${HOSTILE}`],
  "book in Arabic": [`/books/${RIGHT_TO_LEFT}`],
  "no such book": ["/books/9780306406157"],
  "impossible search": ["/?min_price=cheap&language=!&sort=colour"],
  "changed cursor": ["/?cursor=x"],
};

/** Replaced before the tests by a cursor of the server. */
let CURSOR = "";

async function typed(page: Page, text: string): Promise<void> {
  await page.getByRole("searchbox").fill(text);
  await page.getByRole("heading", { name: `“${text}”` }).waitFor();
}

describe.skipIf(!CHROMIUM)("in Chromium", () => {
  let url: string;
  let shop: ShopBrowser;

  beforeAll(async () => {
    const database = await createTestDatabase();
    await fillShop(database);
    ({ url } = await startServer("workerd", database));
    shop = shopBrowser(await startBrowser(), url);
    const html = await (await fetch(`${url}/?sort=title`)).text();
    CURSOR = html.match(/cursor=([\w-]+)/)?.[1] ?? "";
  });

  test.each(Object.entries(STATES))("axe finds nothing: %s", async (name, [path, act]) => {
    const page = await shop.open(path, { viewport: { width: 1280, height: 844 } });
    await act?.(page);
    for (const [width, colorScheme] of LOOKS) {
      await lookAt(page, width, colorScheme);
      expect(await faultsOf(page)).toEqual([]);
      if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}-${width}.png` });
    }
  });

  test("axe finds what is wrong", async () => {
    const page = await shop.open("/");
    await page.getByLabel("Order").evaluate((field) => field.removeAttribute("aria-label"));
    expect((await faultsOf(page)).map((fault) => fault.split(":")[0])).toEqual(["select-name"]);
  });

  test("axe finds nothing where the database is away", async () => {
    const database = await createTestDatabase();
    const away = await startServer("workerd", database, { NEON_FETCH_ENDPOINT: "http://127.0.0.1:9" });
    const page = await shop.open("/", {});
    await page.goto(away.url);
    expect(await faultsOf(page)).toEqual([]);
  });

  test.each([320, 390, 768, 1280, 1600])("pages fit %i pixels", async (width) => {
    const page = await shop.open("/", { viewport: { width, height: 800 } });
    for (const path of [
      "/",
      "/?language=de-CH&min_price=1",
      `/books/${RICH}`,
      `/books/${HOSTILE}`,
      "/?cursor=x",
    ]) {
      await page.goto(url + path);
      const { scrolled, right } = await page.evaluate(() => ({
        scrolled: document.documentElement.scrollWidth,
        right: Math.max(
          ...Array.from(
            document.querySelectorAll("a, button, input, p, li"),
            (each) => each.getBoundingClientRect().right,
          ),
        ),
      }));
      expect([path, scrolled]).toEqual([path, width]);
      expect([path, right <= width - MARGIN]).toEqual([path, true]);
    }
  });

  test("the first view is light, and shifts nothing", async () => {
    for (const path of ["/", `/books/${RICH}-rich`]) {
      const page = await shop.openNew(path);
      await page.waitForLoadState("networkidle");
      const { bytes, shift, origins } = await page.evaluate(async () => {
        const entries = performance.getEntries() as PerformanceResourceTiming[];
        const loaded = entries.filter(({ entryType }) => ["navigation", "resource"].includes(entryType));
        const shifts = await new Promise<PerformanceEntry[]>((resolve) => {
          new PerformanceObserver((list) => resolve(list.getEntries())).observe({
            type: "layout-shift",
            buffered: true,
          });
          setTimeout(() => resolve([]), 300);
        });
        return {
          bytes: loaded
            .filter(({ name }) => name.startsWith(location.origin))
            .reduce((sum, { transferSize }) => sum + transferSize, 0),
          shift: shifts.reduce((sum, entry) => sum + ((entry as unknown as { value: number }).value ?? 0), 0),
          origins: [...new Set(loaded.map(({ name }) => new URL(name).origin))],
        };
      });
      expect(bytes).toBeGreaterThan(1000);
      expect(bytes).toBeLessThan(30 * 1024);
      expect(shift).toBe(0);
      expect(origins.filter((origin) => ![url, "https://covers.example"].includes(origin))).toEqual([]);
    }
  });

  test("a cover that is missing leaves the drawn one, and one that arrives hides it", async () => {
    const page = await shop.open(`/?isbn=${RICH},${HOSTILE}`);
    await page.waitForLoadState("networkidle");
    const covers = await page.locator(".cover").evaluateAll((all) =>
      all.map((cover) => {
        const { x, y, width, height } = cover.getBoundingClientRect();
        const image = cover.querySelector("img");
        return {
          isLoaded: image !== null && image.naturalWidth > 0,
          fills: image?.getBoundingClientRect().height === height,
          top: document.elementFromPoint(x + width / 2, y + height / 2) !== null,
        };
      }),
    );
    expect(covers.map(({ isLoaded }) => isLoaded).sort()).toEqual([false, true]);
    expect(covers.every(({ fills }) => fills)).toBe(true);
  });

  test("the keyboard leads to the content, and shows where it is", async () => {
    const page = await shop.open("/?sort=title");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
    expect(await page.evaluate(() => document.activeElement?.getBoundingClientRect().top)).toBeGreaterThan(0);
    await page.keyboard.press("Enter");
    await page.waitForURL(/#main$/);
    for (let presses = 0; presses < 12; presses++) {
      await page.keyboard.press("Tab");
      const { outline, isCard } = await page.evaluate(() => {
        const active = document.activeElement as Element;
        const shown = active.closest(".card") ?? active;
        return { outline: getComputedStyle(shown).outlineWidth, isCard: active.closest(".card") !== null };
      });
      expect(outline).toBe("3px");
      if (isCard) break;
    }
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1 }).waitFor();
    await eventually(() => page.url()).toContain("/books/");
  });

  test("on paper, the catalogue is a price list", async () => {
    const page = await shop.open("/?search=novel");
    await page.emulateMedia({ media: "print" });
    expect(await page.locator(".cover").first().isVisible()).toBe(false);
    expect(await page.locator(".filters").isVisible()).toBe(false);
    const card = page.locator(".card").first();
    expect((await card.boundingBox())?.height).toBeLessThan(40);
    expect(await card.locator(".price").isVisible()).toBe(true);
  });

  test("nothing moves for who wants less motion", async () => {
    const page = await shop.open("/", { reducedMotion: "reduce" });
    const moving = await page
      .locator("*")
      .evaluateAll((all) => all.filter((each) => getComputedStyle(each).transitionDuration !== "0s").length);
    expect(moving).toBe(0);
  });

  test("no page made the browser complain", () => {
    expect(shop.complaints).toEqual([]);
  });
});
