/** The typed client in a browser, on a page of another origin. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase } from "../support/database.ts";
import { answering, closing, type FaultyServer, startFaulty } from "../support/faulty.ts";
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
      else if (url.startsWith("/closed/")) response.destroy();
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
    // Chromium connects to port 9 (discard) for nobody.
    [
      "nobody",
      "http://127.0.0.1:9",
      "ConnectionError",
      "cannot be reached, or closed the connection. CORS may",
    ],
    ["nobody", "http://127.0.0.1:9", "ConnectionError", "CORS_ORIGINS"],
  ])("%s is a typed error in a browser", async (_, base, name, message) => {
    const error = await page.evaluate(async (base) => {
      const call = octavo.createClient(base, { retries: 0 }).books.get("x");
      return call.catch(({ name, message }) => ({ name, message }));
    }, base);
    expect(error).toEqual({ name, message: expect.stringContaining(message) });
  });

  test("a broken connection to the page's own origin is not blamed on CORS", async () => {
    const error = await page.evaluate(async () => {
      const call = octavo.createClient("/closed", { retries: 0 }).books.get("x");
      return call.catch(({ name, message }) => ({ name, message }));
    });
    const message = "The server cannot be reached, or closed the connection.";
    expect(error).toEqual({ name: "ConnectionError", message });
  });

  describe("of another origin", () => {
    /** The outcomes of writes and of a read. */
    const outcomes = (base: string) =>
      page.evaluate(
        async ({ base, book }) => {
          const { books } = octavo.createClient(base, { token: "t", retries: 1 });
          const calls = {
            create: books.create(book as never),
            update: books.update("x", { price: 1 }, { ifMatch: '"x.1"' }),
            delete: books.delete("x"),
            list: books.list().page(),
          };
          const settled = Object.entries(calls).map(async ([name, call]) => [
            name,
            await call.then(
              () => "done",
              ({ name, attempts, message }) => [name, attempts, message],
            ),
          ]);
          return Object.fromEntries(await Promise.all(settled));
        },
        { base, book: newBook() },
      );

    test("a write that the server refuses is tried once, and the error says what to configure", async () => {
      const closed = await startServer("node", await createTestDatabase(), { AUTH_SECRET: SECRET });
      const message = `The server does not let pages of ${shop.url} send this request. Add the origin to the server's variable CORS_ORIGINS.`;
      const refused = ["CorsError", 1, message];
      const list = "done";
      expect(await outcomes(closed.url)).toEqual({ create: refused, update: refused, delete: refused, list });
      expect(closed.logs().filter((line) => /"method":"(POST|PATCH|DELETE)"/.test(line))).toEqual([]);
    });

    test("a read is tried once if the server does not know CORS", async () => {
      const other = await startFaulty();
      other.behave(answering(200, {}));
      expect((await outcomes(other.url)).list).toEqual(["CorsError", 1, expect.any(String)]);
    });

    test("a request whose connection breaks is retried", async () => {
      const allowed = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag" };
      const preflight = {
        ...allowed,
        "Access-Control-Allow-Methods": "POST,PATCH,DELETE",
        "Access-Control-Allow-Headers": "Authorization,Content-Type,Idempotency-Key,If-Match",
      };
      const broken = new Set<string>();
      const other = await startFaulty();
      other.behave((response, request) => {
        const { method = "", url } = request;
        if (method === "OPTIONS") response.writeHead(204, preflight).end();
        else if (url === "/api/v1/books/-") answering(404, {}, allowed)(response, request);
        else if (method === "DELETE" || !broken.has(method)) closing(response, request);
        else answering(200, { id: "x", data: [] }, { ...allowed, ETag: '"x.2"' })(response, request);
        broken.add(method);
      });
      expect(await outcomes(other.url)).toEqual({
        create: "done",
        update: "done",
        delete: ["ConnectionError", 2, expect.stringContaining("CORS may be the cause too")],
        list: "done",
      });
    });
  });
});
