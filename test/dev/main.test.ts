/** `npm run dev` as a person runs it: started, used, stopped, killed, and started again. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { inDirectory, run } from "../support/dev.ts";

const getJson = async (url: string) => (await fetch(url)).json();

/** Resolves when nothing answers at the origin any more. */
async function silent(origin: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const answered = await fetch(`${origin}/health`).then(
      () => true,
      () => false,
    );
    if (!answered) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

test("brings up the catalogue, takes writes, keeps the data, and stops whole", async () => {
  const first = await run();
  await first.ready;
  expect(first.output()).toContain(first.origin);
  const page = await getJson(`${first.origin}/api/v1/books?count=exact&limit=1`);
  expect(page.total).toBeGreaterThan(190);

  // Nobody is limited; without a word the quota would be 600.
  const ask = () => fetch(`${first.origin}/api/v1/books?limit=0`);
  const answers = await Promise.all(Array.from({ length: 601 }, ask));
  expect(answers.filter(({ status }) => status !== 422)).toEqual([]);

  // What the greeting says to try works as it stands.
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
  expect(await silent(first.origin), "it is silent").toBe(true);

  const second = await run();
  await second.ready;
  expect((await getJson(`${second.origin}/api/v1/books?count=exact&limit=1`)).total).toBe(page.total + 1);
});

test("deals with what a killed run left behind", async () => {
  const killed = await run();
  await killed.ready;
  await killed.end("SIGKILL");
  const port = Number(new URL(killed.origin).port);
  expect(await silent(killed.origin), "it is silent").toBe(true);
  const next = await run({ port });
  await next.ready;
  expect((await fetch(`${next.origin}/ready`)).status).toBe(200);
  expect(next.output()).toContain("Stopping the Postgres that an earlier run left behind.");
});

test("with --auth takes the tokens of `npm run token` and nobody else", async () => {
  const closed = await run({ flags: ["--auth"] });
  await closed.ready;
  const secret = await readFile(inDirectory("data", "auth-secret"), "utf8");
  expect(closed.output()).not.toContain(secret);
  const post = (headers: Record<string, string>) =>
    fetch(`${closed.origin}/api/v1/books`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(newBook()),
    });
  expect((await post({})).status).toBe(401);
  const minting = spawn(process.execPath, ["ops/token.ts", "--role", "editor"], {
    env: { ...process.env, DATA_DIR: inDirectory("data"), AUTH_SECRET: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let token = "";
  minting.stdout.on("data", (chunk) => {
    token += chunk;
  });
  await once(minting, "close");
  expect((await post({ Authorization: `Bearer ${token.trim()}` })).status).toBe(201);
});

test("a busy port is a sentence", async () => {
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
  ["PORT", { port: 70_000 }, /^PORT must be a number from 1 to 65535\.\n$/],
  ["a flag", { flags: ["--authh"] }, /^Usage: npm run dev .*\n$/],
])("%s that makes no sense is a sentence", async (_, options, sentence) => {
  const refused = await run(options);
  expect(await refused.exit).toBe(1);
  expect(refused.output()).toMatch(sentence);
});

test("a data directory that cannot be is a sentence", async () => {
  const file = inDirectory("file");
  await writeFile(file, "");
  const refused = await run({ data: `${file}/data` });
  expect(await refused.exit).toBe(1);
  expect(refused.output()).toMatch(/^[A-Z][^\n]*\.\n$/);
});
