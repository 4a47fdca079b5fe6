import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { COVER } from "./shop.ts";

const PATIENCE_MS = 10_000;

const DESK = { width: 1280, height: 900 };

/** Expects what a page shows sooner or later. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: PATIENCE_MS });

/** Opens pages of the shop until the test ends, and collects what the browser complains about. */
export interface ShopBrowser {
  /**
   * Opens a page that is like a new one. A page of an earlier test becomes one, unless that test closed it: this takes
   * a quarter of the CPU of a context with a process of its own.
   */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
  /** Opens a page in a new context, which has nothing in its cache. */
  openNew(path: string, options?: BrowserContextOptions): Promise<Page>;
  complaints: string[];
}

/** Covers come from another origin, which the test plays. */
export function shopBrowser(browser: Browser, url: string): ShopBrowser {
  const complaints: string[] = [];
  /** Pages that no test uses, by the options that stay with their context. */
  const idle = new Map<string, Page[]>();

  async function create(options: BrowserContextOptions): Promise<Page> {
    const context = await browser.newContext({ viewport: DESK, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.on("console", (message) => {
      const isOfCover = message.location().url.startsWith("https://covers.example");
      const isOfStatus = /status of (400|401|403|404|412|422|503)|ERR_(INTERNET_DISCONNECTED|FAILED)/.test(
        message.text(),
      );
      if (["error", "warning"].includes(message.type()) && !isOfCover && !isOfStatus)
        complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    return page;
  }

  async function openNew(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await create(options);
    onTestFinished(() => page.context().close());
    await playCovers(page);
    await page.goto(url + path);
    return page;
  }

  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const { viewport = DESK, storageState, ...lasting } = options;
    const key = JSON.stringify(lasting);
    const page = idle.get(key)?.pop() ?? (await create(lasting));
    onTestFinished(async ({ task }) => {
      if (task.result?.state === "fail") return page.context().close();
      if (page.isClosed()) return;
      await forget(page, url, lasting);
      idle.set(key, [...(idle.get(key) ?? []), page]);
    });
    if (typeof storageState === "object") await page.context().addCookies(storageState.cookies);
    if (viewport) await page.setViewportSize(viewport);
    await playCovers(page);
    await page.goto(url + path);
    return page;
  }

  return { open, openNew, complaints };
}

const playCovers = (page: Page) =>
  page.route("https://covers.example/**", (route) =>
    route.request().url().includes("missing")
      ? route.fulfill({ status: 404 })
      : route.fulfill({ contentType: "image/svg+xml", body: COVER }),
  );

/** Leaves the page without what it stored, and without what a test changed. */
async function forget(
  page: Page,
  url: string,
  { colorScheme = "light" }: BrowserContextOptions,
): Promise<void> {
  const context = page.context();
  for (const other of context.pages()) if (other !== page) await other.close();
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await context.setOffline(false);
  await context.clearCookies();
  await page.emulateMedia({ media: null, colorScheme });
  // Pages store something when they are left, so that the storage is cleared from another page.
  await page.goto(`${url}/health`);
  await page.evaluate(() => {
    localStorage.clear();
    sessionStorage.clear();
  });
}
