/**
 * The reference in a browser: it loads from its own origin alone, and can send requests. One runtime is enough, because all
 * of them serve the same bytes under the same policy: see servers/docs.test.ts.
 */
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startProxy } from "../support/proxy.ts";
import { startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

describe.skipIf(!CHROMIUM)("in Chromium", () => {
  let browser: Browser;
  let database: TestDatabase;
  let url: string;

  beforeAll(async () => {
    browser = await startBrowser();
    database = await createTestDatabase();
    ({ url } = await startServer("workerd", database, { AUTH_SECRET: SECRET }));
  });

  test("the reference loads, and can execute a read and a write", async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
    const origins = new Set<string>();
    const complaints: string[] = [];
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));

    await page.goto(`${url}/docs`);
    await page.getByText("A bookstore catalogue and stock API").waitFor();
    expect(await tried(page, "listBooks")).toBe("200");
    expect(await tried(page, "createBook")).toBe("401");
    expect(complaints.splice(0)).toEqual([expect.stringContaining("401")]);

    await page.locator(".auth-wrapper .authorize").click();
    await page.locator(".auth-container input").fill(await tokenFor("editor"));
    await page.locator(".auth-btn-wrapper .authorize").click();
    await page.locator(".auth-btn-wrapper .btn-done").click();
    expect(await tried(page, "createBook")).toBe("201");
    expect(await database.sql("select title from books")).toEqual([{ title: "Flatland" }]);

    expect(complaints).toEqual([]);
    expect([...origins]).toEqual([url]);
    if (process.env.SCREENSHOTS) {
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/docs.png`, fullPage: false });
    }
    await page.close();
  });

  test("the reference sends requests to its own origin when a proxy changes the host", async () => {
    const proxy = await startProxy(url, {
      join({ near, far }) {
        near.on("data", (data) => far.write(`${data}`.replaceAll(/^Host: .*$/gim, "Host: internal.example")));
        far.pipe(near);
      },
    });
    const page = await browser.newPage();
    await page.goto(`${proxy.url}/docs`);
    await page.getByText("A bookstore catalogue and stock API").waitFor();
    expect(await tried(page, "listBooks")).toBe("200");
    expect(await page.locator(".servers option").allTextContents()).toEqual([
      expect.stringContaining(proxy.url),
    ]);
    await page.close();
  });
});

/** Executes an operation with the suggested input, and returns the status that the page shows. */
async function tried(page: Page, operation: string): Promise<string> {
  const block = page.locator(`[id$="-${operation}"]`);
  if (!(await block.getAttribute("class"))?.includes("is-open")) {
    await block.locator(".opblock-summary-control").click();
  }
  const clear = block.locator(".btn-clear");
  if (await clear.isVisible()) await clear.click();
  await block.locator(".execute").click();
  const status = block.locator(".live-responses-table tbody .response-col_status");
  return ((await status.first().textContent()) ?? "").slice(0, 3);
}
