/**
 * `npm run bench:till`: how long after a scanner's Enter its line is on the screen, in Chromium, on Node and Bun. The carts
 * grow to 20 lines. Needs Chromium.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { SignJWT } from "jose";
import { type Browser, chromium, type Page } from "playwright-core";
import { DATABASE } from "../dev/cli.ts";
import { startPostgres } from "../dev/postgres.ts";
import { loadSample } from "../dev/sample.ts";
import books from "../dev/sample-books.json" with { type: "json" };
import { command } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { StartupError } from "../src/startup-error.ts";
import { CHROMIUM } from "../test/support/browser.ts";
import { table } from "./report.ts";
import { startServer } from "./servers.ts";
import { NODE_FLAGS } from "./targets.ts";

const CARTS = 50;
const LINES = 20;
const SECRET = "a secret of the benchmark, 32 bytes";

const SERVERS = {
  Node: [process.execPath, ...NODE_FLAGS, "dist/node.js"],
  Bun: ["bun", "--no-install", "dist/bun.js"],
} as const;

await command(async () => {
  if (!CHROMIUM) throw new StartupError("Chromium is not on the PATH.");
  execFileSync(process.execPath, ["dev/build.js"]);
  const postgres = await startPostgres({ directory: join(DATA, "bench"), onProgress: console.log });
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: sandbox });
  try {
    await postgres.createDatabase(`${DATABASE}_till`);
    const url = postgres.url(`${DATABASE}_till`);
    await migrate(url);
    await loadSample(url);
    const rows: string[][] = [];
    for (const [runtime, [file, ...args]] of Object.entries(SERVERS)) {
      const env = { DATABASE_URL: url, RATE_LIMIT: "off", AUTH_SECRET: SECRET };
      const server = await startServer(`till-${runtime}`, (port) => ({
        file,
        args: [...args],
        env: { ...env, PORT: `${port}` },
      }));
      rows.push([runtime, ...(await measure(browser, server.origin))]);
      await server.stop();
    }
    console.log(`\n${table(["", "scans", "p50 ms", "p99 ms", "longest ms"], rows)}`);
  } finally {
    await browser.close();
    await postgres.stop();
  }
});

async function measure(browser: Browser, origin: string): Promise<string[]> {
  const page = await browser.newPage();
  await signIn(page, origin);
  const times: number[] = [];
  for (let cart = 0; cart <= CARTS; cart++) {
    await page.evaluate(() => sessionStorage.clear());
    await page.goto(`${origin}/staff/till`);
    for (let line = 0; line < LINES; line++) {
      const { isbn } = books[(cart * LINES + line) % books.length] ?? { isbn: "" };
      const time = await page.evaluate(scan, isbn);
      // The first cart warms up.
      if (cart > 0) times.push(time);
    }
  }
  await page.close();
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.floor(times.length * part)] ?? times.at(-1) ?? 0).toFixed(1);
  return [`${times.length}`, at(0.5), at(0.99), at(1)];
}

async function signIn(page: Page, origin: string): Promise<void> {
  const token = await new SignJWT({ roles: ["clerk"] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("bench")
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(SECRET));
  await page.goto(`${origin}/staff/till`);
  await page.getByLabel("Your token").fill(token);
  await page.keyboard.press("Enter");
  await page.getByPlaceholder("Scan an ISBN").waitFor();
}

/** Runs in the browser: scans, and resolves to the milliseconds until the frame that shows the line. */
async function scan(isbn: string): Promise<number> {
  const field = document.querySelector<HTMLInputElement>("#scan") as HTMLInputElement;
  const lines = document.querySelector("#lines") as Element;
  field.value = isbn;
  const shown = new Promise<void>((resolve) => {
    const observer = new MutationObserver(() => {
      if (!lines.querySelector(`[name=isbn][value="${isbn}"]`)) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(resolve));
    });
    observer.observe(lines, { childList: true });
  });
  const before = performance.now();
  field.form?.requestSubmit(field.form.querySelector("button"));
  await shown;
  return performance.now() - before;
}
