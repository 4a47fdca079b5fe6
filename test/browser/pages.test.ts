/** The pages in a browser: by keyboard and mouse, with and without JavaScript, and what a screen reader hears of them. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { fillShop } from "../support/shop.ts";
import { eventually, type ShopBrowser, shopBrowser } from "../support/shop-browser.ts";

/** The script is the same on every runtime, so two of them get a short form of the tests. */
describe.skipIf(!CHROMIUM).each(RUNTIMES)("in Chromium, on %s", (runtime) => {
  const onWorkerd = test.runIf(runtime === "workerd");
  let url: string;
  let shop: ShopBrowser;

  beforeAll(async () => {
    const database = await createTestDatabase();
    await fillShop(database);
    ({ url } = await startServer(runtime, database));
    shop = shopBrowser(await startBrowser(), url);
  });

  const titles = (page: Page) => page.locator("#results .card a").allTextContents();
  const addressOf = (page: Page) => page.url().slice(url.length);

  test("the list answers while one types, and the history has what was typed as one entry", async () => {
    const page = await shop.open("/");
    await page.getByRole("searchbox").pressSequentially("novel 07", { delay: 20 });
    await page.getByText("“novel 07”").waitFor();
    await eventually(() => titles(page)).toEqual(["Novel 07"]);
    expect(addressOf(page)).toBe("/?search=novel+07");
    expect(await page.title()).toContain("novel 07");
    expect(await page.getByRole("status").textContent()).toBe("1 book");
    await page.getByRole("searchbox").fill("novle 07");
    await page.locator(".hint").waitFor();
    expect(await page.getByRole("status").textContent()).toContain("Nothing has exactly that");
    await page.goBack();
    await page.locator(".count", { hasText: "The first" }).waitFor();
    await eventually(() => page.getByRole("searchbox").inputValue()).toBe("");
    expect(addressOf(page)).toBe("/");
    await page.goForward();
    await page.getByText("“novle 07”").waitFor();
  });

  onWorkerd("a choice changes the list at once, and goes with the search", async () => {
    const page = await shop.open("/?search=novel");
    await page.getByLabel("Order").selectOption("-price");
    await eventually(async () => (await titles(page))[0]).toBe("Novel 60");
    await page.getByLabel("In stock").check();
    await eventually(() => addressOf(page)).toBe("/?search=novel&sort=-price&in_stock=true");
    await page.getByText("Author and price").click();
    await page.getByLabel("Highest price").fill("20");
    await page.getByLabel("Highest price").press("Enter");
    await eventually(() => addressOf(page)).toContain("max_price=20");
    await eventually(async () => (await titles(page))[0]).toBe("Novel 20");
  });

  onWorkerd("what is wrong is said in place, and mends itself", async () => {
    const page = await shop.open("/?author=ann");
    await page.getByLabel("Lowest price").fill("9");
    await page.getByLabel("Highest price").fill("5");
    await page.getByLabel("Highest price").press("Enter");
    await page.getByRole("heading", { name: "This search is not possible" }).waitFor();
    expect(await page.getByRole("status").textContent()).toContain("must not exceed the highest price");
    expect(await page.getByLabel("Lowest price").inputValue()).toBe("9");
    await page.getByLabel("Highest price").fill("10");
    await page.getByLabel("Highest price").press("Enter");
    await eventually(async () => (await titles(page)).sort()).toEqual(["Novel 09", "Novel 10"]);
  });

  onWorkerd("a shop that cannot be reached is said, and the list stays", async () => {
    const page = await shop.open("/");
    await page.context().setOffline(true);
    await page.getByRole("searchbox").fill("novel");
    await eventually(() => page.getByRole("status").textContent()).toContain("cannot be reached");
    await eventually(async () => (await titles(page)).length).toBe(24);
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("heading", { name: "“novel”" }).waitFor();
  });

  onWorkerd("more books follow while one scrolls, and going back leads to the same place", async () => {
    const page = await shop.open("/?sort=title");
    await eventually(async () => {
      await page.mouse.wheel(0, 4000);
      return page.locator(".card").count();
    }).toBe(64);
    await eventually(async () => new Set(await titles(page)).size).toBe(64);
    expect(await page.locator(".count").textContent()).toBe("64 books");
    const link = page.getByRole("link", { name: "Novel 50" });
    await link.scrollIntoViewIfNeeded();
    const y = await page.evaluate(() => scrollY);
    expect(y).toBeGreaterThan(1000);
    await link.click();
    await page.getByRole("heading", { level: 1, name: "Novel 50" }).waitFor();
    await page.goBack();
    await eventually(() => page.locator(".card").count()).toBe(64);
    expect(Math.abs((await page.evaluate(() => scrollY)) - y)).toBeLessThan(2);
  });

  onWorkerd("a keyboard reaches more books, and goes on at the first new one", async () => {
    const page = await shop.open("/?sort=title", { viewport: { width: 320, height: 300 } });
    await page.getByRole("link", { name: "Show more books" }).focus();
    await page.keyboard.press("Enter");
    await eventually(() => page.locator(".card").count()).toBeGreaterThan(24);
    await eventually(() => page.evaluate(() => document.activeElement?.closest(".card") !== null)).toBe(true);
  });

  test("all of it works without JavaScript", async () => {
    const page = await shop.open("/", { javaScriptEnabled: false });
    await page.getByRole("searchbox").fill("novel");
    await page.getByLabel("Order").selectOption("title");
    await page.getByLabel("In stock").check();
    await page.getByRole("button", { name: "Search" }).click();
    expect(addressOf(page)).toMatch(/^\/\?search=novel&sort=title&/);
    await eventually(async () => (await titles(page))[0]).toBe("Novel 01");
    await page.getByRole("link", { name: "Show more books" }).click();
    await eventually(async () => (await titles(page))[0]).toBe("Novel 28");
    await page.getByRole("link", { name: "Previous books" }).click();
    await eventually(async () => (await titles(page))[0]).toBe("Novel 01");
    await page.getByRole("link", { name: "Novel 02" }).click();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Novel 02");
    await page.getByRole("link", { name: "Ann Author" }).click();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Books by Ann Author");
  });

  test("no page made the browser complain", () => {
    expect(shop.complaints).toEqual([]);
  });
});
