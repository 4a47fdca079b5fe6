/** The code of docs/react.md: it compiles, and works in a browser with a started server. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadSample } from "../../dev/sample.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startFaulty } from "../support/faulty.ts";
import { blocksOf } from "../support/markdown.ts";
import { createProject } from "../support/project.ts";
import { startServer } from "../support/servers.ts";

const [block] = blocksOf("docs/react.md").filter(({ file }) => file);
const code = block?.text ?? "";

let directory: string;

beforeAll(async () => {
  const types = ["@types/react", "@types/react-dom", "csstype"];
  directory = await createProject("react", "react-dom", "scheduler", "@tanstack", ...types);
});

test("the code has at most 60 lines", () => {
  expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(60);
});

test("the code compiles", async () => {
  await writeFile(join(directory, "main.tsx"), code);
  const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
  const language = [
    "--ignoreConfig",
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--jsx",
    "react-jsx",
    "--target",
    "es2022",
  ];
  const modules = ["--lib", "es2022,dom", "--module", "preserve", "--moduleResolution", "bundler"];
  // The compiler prints errors to standard output.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(typescript, "bin/tsc"), ...language, ...modules, "main.tsx"],
    { cwd: directory },
  ).catch((failed: { stdout: string }) => failed);
  expect(stdout).toBe("");
});

describe.skipIf(!CHROMIUM)("in Chromium", () => {
  let database: TestDatabase;
  let page: Page;
  let site: string;
  /** The queries of the page's requests for the listing. */
  const requests: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    await loadSample(database.url);
    const { url } = await startServer("workerd", database, { OPEN_LOCAL_WRITES: "true" });
    await writeFile(join(directory, "app.tsx"), code.replace("http://127.0.0.1:8787", url));
    const outfile = join(directory, "app.js");
    const define = { "process.env.NODE_ENV": '"development"' };
    await build({
      entryPoints: [join(directory, "app.tsx")],
      bundle: true,
      outfile,
      define,
      jsx: "automatic",
    });
    const script = await readFile(outfile);
    const server = await startFaulty();
    server.behave((response, { url }) => {
      if (url === "/app.js") response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
      else response.writeHead(200, { "Content-Type": "text/html" }).end(PAGE);
    });
    site = server.url;
    page = await (await startBrowser()).newPage({ viewport: { width: 800, height: 700 } });
    page.on("request", (request) => {
      const { pathname, search } = new URL(request.url());
      if (pathname === "/api/v1/books") requests.push(search);
    });
  });

  beforeEach(async () => {
    await page.goto(site);
    await page.locator("li").first().waitFor();
  });

  const rows = () => page.locator("li").count();
  const search = (text: string) => page.getByLabel("Search").fill(text);
  const hint = () => page.getByRole("status").textContent();
  const row = (title: string) => page.locator("li", { hasText: title });
  const priceOf = (title: string) => row(title).getByLabel("Price").inputValue();
  async function save(title: string, price: string): Promise<void> {
    await row(title).getByLabel("Price").fill(price);
    await row(title).getByRole("button", { name: "Save" }).click();
  }

  test("scrolling to the end fetches the next page", async () => {
    expect(await rows()).toBe(20);
    await page.locator("li").last().scrollIntoViewIfNeeded();
    await page.mouse.wheel(0, 10_000);
    await expect.poll(rows).toBe(40);
  });

  test("a search says how the books match, and an empty one finds all", async () => {
    await search("earthsea wizard");
    await expect.poll(rows).toBe(1);
    expect(await hint()).toBe("");
    await search("dostoyevski");
    await expect.poll(hint).toBe("Similar books:");
    await search("");
    await expect.poll(() => requests.at(-1)).toBe("");
    await expect.poll(hint).toBe("");
  });

  test("a filter restricts the list", async () => {
    await database.sql("update books set stock = 0 where title like 'A Wizard%'");
    await search("earthsea wizard");
    await expect.poll(rows).toBe(1);
    await page.getByLabel("In stock").check();
    await expect.poll(rows).toBe(0);
    await page.getByLabel("In stock").uncheck();
    await expect.poll(rows).toBe(1);
  });

  test("an edit is visible at once, and saved", async () => {
    await search("the lathe of heaven");
    await expect.poll(rows).toBe(1);
    let isHeld = false;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/api/v1/books/*", async (route) => {
      isHeld = true;
      await released;
      await route.continue();
    });
    await save("Lathe", "8.5");
    await expect.poll(() => isHeld).toBe(true);
    expect(await priceOf("Lathe")).toBe("8.5");
    release();
    const saved = () => database.sql("select price::float from books where title like '%Lathe%'");
    await expect.poll(saved).toEqual([{ price: 8.5 }]);
    expect(await priceOf("Lathe")).toBe("8.5");
    await page.unrouteAll({ behavior: "wait" });
  });

  test("an edit that the API rejects is taken back, with its reason", async () => {
    await search("the lathe of heaven");
    await expect.poll(rows).toBe(1);
    const before = await priceOf("Lathe");
    await save("Lathe", "-1");
    await row("Lathe").getByText("price must be 0 or more.").waitFor();
    await expect.poll(() => priceOf("Lathe")).toBe(before);
  });

  test("an edit does not overwrite what somebody else has changed", async () => {
    await search("the lathe of heaven");
    await expect.poll(rows).toBe(1);
    await database.sql("update books set price = 77 where title like '%Lathe%'");
    await save("Lathe", "3");
    await row("Lathe").getByText("Somebody else has changed this book.").waitFor();
    await expect.poll(() => priceOf("Lathe")).toBe("77");
  });

  test("a list that cannot be fetched says why, and can be fetched again", async () => {
    await page.route("**/api/v1/books?*", (route) =>
      route.fulfill({ status: 500, headers: { "Access-Control-Allow-Origin": "*" }, json: FAILURE }),
    );
    await search("the lathe of heaven");
    await page.getByText("The server is broken.").waitFor();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).click();
    await expect.poll(rows).toBe(1);
  });
});

const PAGE = '<!doctype html><html lang="en"><body><script src="/app.js"></script></body></html>';

const FAILURE = { error: "internal_error", status: 500, message: "The server is broken.", request_id: "r" };
