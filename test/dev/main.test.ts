/** `npm run dev`: starting, use, stopping, being killed, and starting again. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { BEYOND_QUOTA, copyCheckout, inDirectory, prepareDev, run, withSmallQuota } from "../support/dev.ts";

prepareDev();

const getJson = async (url: string) => (await fetch(url)).json();

/** Waits until nothing listens at the origin. */
const expectClosed = (origin: string) =>
  expect.poll(() => fetch(`${origin}/health`).catch(() => "closed"), { timeout: 10_000 }).toBe("closed");

test("npm run dev serves the sample catalogue without a quota, accepts writes, and keeps them after Ctrl-C", async () => {
  const checkout = await copyCheckout(withSmallQuota);
  const first = await run({ checkout });
  await first.ready;
  expect(first.output()).toContain(first.origin);
  const page = await getJson(`${first.origin}/api/v1/books?count=exact&limit=1`);
  expect(page.total).toBeGreaterThan(190);

  const statuses = Array.from({ length: BEYOND_QUOTA }, async () => {
    return (await fetch(`${first.origin}/api/v1/books?limit=0`)).status;
  });
  expect(new Set(await Promise.all(statuses))).toEqual(new Set([422]));

  // The commands that the greeting suggests work unchanged.
  const commands = [...first.output().matchAll(/curl (?:.*\\\n)*.*/g)].map(([command]) => command);
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    const shell = spawn("sh", ["-c", command.replace("curl", "curl -sS -w '%{http_code}'")], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let answer = "";
    shell.stdout.on("data", (chunk) => {
      answer += chunk;
    });
    await once(shell, "close");
    expect(answer).toMatch(/^{.*}20[01]$/s);
  }
  expect(await first.end("SIGINT")).toBe(0);
  await expectClosed(first.origin);

  const second = await run({ checkout });
  await second.ready;
  expect((await getJson(`${second.origin}/api/v1/books?count=exact&limit=1`)).total).toBe(page.total + 1);
});

test("npm run dev stops the Postgres that a killed run left behind", async () => {
  const killed = await run();
  await killed.ready;
  await killed.end("SIGKILL");
  const port = Number(new URL(killed.origin).port);
  await expectClosed(killed.origin);
  const next = await run({ port });
  await next.ready;
  expect((await fetch(`${next.origin}/ready`)).status).toBe(200);
  expect(next.output()).toContain("Stopping the Postgres that an earlier run left behind.");
});

test("npm run dev --auth accepts the tokens of npm run token and refuses writes without one", async () => {
  const started = await run({ flags: ["--auth"] });
  await started.ready;
  const secret = await readFile(inDirectory("data", "auth-secret"), "utf8");
  expect(started.output()).not.toContain(secret);
  const post = (headers: Record<string, string>) =>
    fetch(`${started.origin}/api/v1/books`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(newBook()),
    });
  expect((await post({})).status).toBe(401);
  const command = spawn(process.execPath, ["dist/token.js", "--role", "editor"], {
    env: { ...process.env, DATA_DIR: inDirectory("data"), AUTH_SECRET: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let token = "";
  command.stdout.on("data", (chunk) => {
    token += chunk;
  });
  await once(command, "close");
  expect((await post({ Authorization: `Bearer ${token.trim()}` })).status).toBe(201);
});

test("npm run dev explains in a sentence that its port is in use", async () => {
  const other = createServer();
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as { port: number };
  const refused = await run({ port });
  expect(await refused.exit).toBe(1);
  expect(refused.output()).toBe(
    `Port ${port} is in use by another program. Choose another port: PORT=8788 npm run dev.\n`,
  );
  other.close();
});

test.each([
  ["an invalid PORT", { port: 70_000 }, /^PORT must be a number from 1 to 65535\.\n$/],
  ["an unknown flag", { flags: ["--authh"] }, /^Usage: npm run dev .*\n$/],
])("npm run dev explains %s in a sentence", async (_, options, sentence) => {
  const refused = await run(options);
  expect(await refused.exit).toBe(1);
  expect(refused.output()).toMatch(sentence);
});

test("npm run dev explains in a sentence that it cannot create its data directory", async () => {
  const file = inDirectory("file");
  await writeFile(file, "");
  const refused = await run({ data: `${file}/data` });
  expect(await refused.exit).toBe(1);
  expect(refused.output()).toMatch(/^[A-Z][^\n]*\.\n$/);
});
