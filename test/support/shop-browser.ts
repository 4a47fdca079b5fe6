import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import { COVER } from "./shop.ts";

const PATIENCE_MS = 10_000;

/** Expects what a page shows sooner or later. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: PATIENCE_MS });

/** Opens pages of the shop, and collects what the browser complains about. */
export interface ShopBrowser {
  /** Opens a page in a context of its own. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
  complaints: string[];
}

/** Covers come from another origin, which the test plays. */
export function shopBrowser(browser: Browser, url: string): ShopBrowser {
  const complaints: string[] = [];
  return {
    complaints,
    async open(path, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      await page.route("https://covers.example/**", (route) =>
        route.request().url().includes("missing")
          ? route.fulfill({ status: 404 })
          : route.fulfill({ contentType: "image/svg+xml", body: COVER }),
      );
      page.on("console", (message) => {
        const isOfCover = message.location().url.startsWith("https://covers.example");
        const isOfStatus = /status of (400|401|403|404|412|422|503)|ERR_(INTERNET_DISCONNECTED|FAILED)/.test(
          message.text(),
        );
        if (["error", "warning"].includes(message.type()) && !isOfCover && !isOfStatus)
          complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(url + path);
      return page;
    },
  };
}
