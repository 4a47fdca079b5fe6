/**
 * The reference in a browser: it loads from its own origin alone, can send requests, and can be used by keyboard. One
 * runtime is enough, because all of them serve the same bytes under the same policy: see servers/docs.test.ts.
 */
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startProxy } from "../support/proxy.ts";
import { startServer } from "../support/servers.ts";
import { eventually } from "../support/shop-browser.ts";
import { SECRET, tokenFor } from "../support/token.ts";

/** Where screenshots go, for people. */
const { SCREENSHOTS } = process.env;

describe.skipIf(!CHROMIUM)("in Chromium", () => {
  let database: TestDatabase;
  let url: string;
  let browser: Browser;
  /** Most tests share a page, because loading it takes a second of CPU. */
  let page: Page;
  const origins = new Set<string>();
  const complaints: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    ({ url } = await startServer("workerd", database, { AUTH_SECRET: SECRET }));
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${url}/docs`);
    await page.locator(".opblock").first().waitFor();
  });

  test("the reference sends requests to its own origin when a proxy changes the host", async () => {
    const proxy = await startProxy(url, {
      join({ near, far }) {
        near.on("data", (data) => far.write(`${data}`.replaceAll(/^Host: .*$/gim, "Host: internal.example")));
        far.pipe(near);
      },
    });
    const proxied = await browser.newPage();
    await proxied.goto(`${proxy.url}/docs`);
    await proxied.getByText("A bookstore catalogue and stock API").waitFor();
    expect(await tried(proxied, "listBooks")).toBe("200");
    await eventually(() => proxied.locator(".servers option").allTextContents()).toEqual([
      expect.stringContaining(proxy.url),
    ]);
    await proxied.close();
  });

  test("reads come before writes", async () => {
    const sections = await page
      .locator(".opblock-tag-section")
      .evaluateAll((all) =>
        all.map((section) =>
          [...section.querySelectorAll(".opblock-summary-method")].map(({ textContent }) => textContent),
        ),
      );
    expect(sections.flat()).toContain("POST");
    const sorted = sections.map((methods) => methods.toSorted((a, b) => +(a !== "GET") - +(b !== "GET")));
    expect(sections).toEqual(sorted);
  });

  test.each([
    ["open", "This is the development server. It needs no token"],
    ["closed", "This server has no authentication configured"],
    ["jwks", "Your identity provider issues tokens"],
  ])(
    "the dialog of a server with authentication of the kind %s says where a token comes from",
    async (mode, sentence) => {
      const setMode = (mode: string) =>
        page
          .locator("meta[name=authentication]")
          .evaluate((meta, mode) => meta.setAttribute("content", mode), mode);
      await setMode(mode);
      await page.locator(".auth-wrapper .authorize").click();
      expect(await page.getByRole("dialog").textContent()).toContain(sentence);
      await page.keyboard.press("Escape");
      await setMode("hs256");
    },
  );

  test("a keyboard is enough to authorize and to execute a request", async () => {
    const { keyboard } = page;
    await tabTo(page, ".auth-wrapper .authorize");
    await keyboard.press("Enter");
    expect(await isFocused(page, "[name=token]")).toBe(true);
    await keyboard.press("Escape");
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await isFocused(page, ".auth-wrapper .authorize")).toBe(true);

    await keyboard.press("Enter");
    await keyboard.type(`bearer ${await tokenFor("clerk")}`);
    // The focus does not leave the dialog.
    for (let presses = 0; presses < 5; presses++) {
      await keyboard.press("Tab");
      expect(await isFocused(page, ".opblock *, .auth-wrapper > button")).toBe(false);
    }
    await tabTo(page, "[name=token]");
    await keyboard.press("Enter");
    await tabTo(page, "[id$='-listTasks'] .opblock-summary-control");
    await keyboard.press("Enter");
    await page.locator("[id$='-listTasks'] .execute").waitFor();
    await tabTo(page, "[id$='-listTasks'] .execute");
    await keyboard.press("Enter");
    expect(await statusOf(page, "listTasks")).toBe("200");

    await page.locator(".auth-wrapper .authorize").press("Enter");
    await tabTo(page, ".token-dialog button");
    await keyboard.press("Enter");
    expect(await page.getByRole("dialog").textContent()).toContain("this command prints a token");
    await keyboard.press("Escape");
  });

  test("the reference can execute a read and a write, and loads from its own origin alone", async () => {
    expect(await page.locator(".info .version").first().innerText()).toContain(manifest.version);
    expect(await tried(page, "listBooks")).toBe("200");
    expect(complaints).toEqual([]);
    expect(await tried(page, "createBook")).toBe("401");
    expect(complaints.splice(0)).toEqual([expect.stringContaining("401")]);

    await page.locator(".auth-wrapper .authorize").click();
    const dialog = page.getByRole("dialog", { name: "Authorization" });
    expect(await dialog.textContent()).toContain("npm run -s token -- --role editor");
    await dialog.getByLabel("Token").fill(` "Authorization: Bearer ${await tokenFor("editor")}" `);
    await dialog.getByRole("button", { name: "Use the token" }).click();
    expect(await tried(page, "createBook")).toBe("201");
    expect(await database.sql("select title from books")).toEqual([{ title: "Flatland" }]);
    expect(complaints).toEqual([]);
    expect([...origins]).toEqual([url]);
  });

  test("the page fits the screen, and is dark as the system", async () => {
    await page.locator(".auth-wrapper .authorize").click();
    const seen = async () =>
      page.evaluate(() => ({
        isDark: getComputedStyle(document.body).backgroundColor === "rgb(28, 32, 34)",
        isTextDark:
          getComputedStyle(document.querySelector(".info .title") as Element).color === "rgb(59, 65, 81)",
        width: document.documentElement.scrollWidth,
      }));
    for (const width of [1280, 390]) {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width, height: 1000 });
        await page.emulateMedia({ colorScheme });
        const isDark = colorScheme === "dark";
        await expect.poll(seen).toEqual({ isDark, isTextDark: !isDark, width });
        if (!SCREENSHOTS) continue;
        await page.waitForTimeout(500); // Colours change gradually.
        await page.screenshot({ path: `${SCREENSHOTS}/docs-${width}-${colorScheme}.png` });
      }
    }
    await page.keyboard.press("Escape");
  });
});

const isFocused = (page: Page, selector: string) =>
  page.evaluate((selector) => document.activeElement?.matches(selector) ?? false, selector);

/** Presses Tab until an element has the focus. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 200; presses++) {
    if (await isFocused(page, selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`The key Tab does not lead to ${selector}.`);
}

/** Executes an operation with the suggested input, and returns the status that the page shows. */
async function tried(page: Page, operation: string): Promise<string> {
  const block = page.locator(`[id$="-${operation}"]`);
  if (!(await block.getAttribute("class"))?.includes("is-open")) {
    await block.locator(".opblock-summary-control").click();
  }
  const clear = block.locator(".btn-clear");
  if (await clear.isVisible()) await clear.click();
  await block.locator(".execute").click();
  return statusOf(page, operation);
}

async function statusOf(page: Page, operation: string): Promise<string> {
  const status = page.locator(`[id$="-${operation}"] .live-responses-table tbody .response-col_status`);
  return ((await status.first().textContent()) ?? "").slice(0, 3);
}
