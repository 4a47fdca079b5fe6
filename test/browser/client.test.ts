/** The typed client in a browser, on a page of another origin. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase } from "../support/database.ts";
import { type FaultyServer, startFaulty } from "../support/faulty.ts";
import { startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const PAGE = `<script type="module">import * as octavo from "/index.js"; globalThis.octavo = octavo;</script>`;

/** The result that the page reports. */
declare const octavo: typeof import("../../src/client/index.ts");

describe.skipIf(!CHROMIUM)("in Chromium", () => {
  let shop: FaultyServer;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    shop = await startFaulty();
    shop.behave(async (response, { url = "" }) => {
      if (/^\/\w+\.js$/.test(url)) {
        const module = await readFile(`dist/client${url}`);
        response.writeHead(200, { "Content-Type": "text/javascript" }).end(module);
      } else if (url.startsWith("/moved/")) response.writeHead(302, { Location: "/" }).end();
      else response.writeHead(200, { "Content-Type": "text/html" }).end(PAGE);
    });
    const variables = { AUTH_SECRET: SECRET, CORS_ORIGINS: shop.url };
    ({ url } = await startServer("node", await createTestDatabase(), variables));
    page = await (await startBrowser()).newPage();
    await page.goto(shop.url);
  });

  test("the client in a browser reads, writes, and receives ETags and problems", async () => {
    const input = { url, token: await tokenFor("editor"), book: newBook() };
    const seen = await page.evaluate(async ({ url, token, book }) => {
      const client = octavo.createClient(url, { token });
      const made = await client.books.create(book as never);
      const changed = await client.books.update(made.data.id, { price: 5 }, { ifMatch: made.etag });
      const late = client.books.update(made.data.id, { price: 6 }, { ifMatch: made.etag });
      const titles: string[] = [];
      for await (const { title } of client.books.list({ search: "dune" })) titles.push(title);
      return { price: changed.data.price, late: await late.catch(({ error }) => error), titles };
    }, input);
    expect(seen).toEqual({ price: 5, late: "precondition_failed", titles: ["Dune"] });
  });

  test.each([
    ["a page", "/", "ResponseError", "200 and text/html"],
    ["a redirect", "/moved", "ResponseError", "a redirect"],
    // Nothing listens on port 9 (discard).
    ["nobody", "http://127.0.0.1:9", "ConnectionError", "cannot be reached"],
  ])("%s is a typed error in a browser", async (_, base, name, message) => {
    const error = await page.evaluate(async (base) => {
      const call = octavo.createClient(base, { retries: 0 }).books.get("x");
      return call.catch(({ name, message }) => ({ name, message }));
    }, base);
    expect(error).toEqual({ name, message: expect.stringContaining(message) });
  });
});
