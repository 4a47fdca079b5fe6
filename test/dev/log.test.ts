/** The log of `npm run dev`: lines for people on a terminal, JSON otherwise. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { inDirectory, prepareDev, type Run, run } from "../support/dev.ts";

prepareDev();

const hasTerminal = canScript();

function canScript(): boolean {
  try {
    execFileSync("script", ["-qefc", "true", "/dev/null"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The lines after the greeting. */
const linesOf = ({ stdout }: Run) =>
  (stdout().split("Ctrl-C stops everything")[1] ?? "").trim().split(/\r?\n/).slice(1);

test("npm run dev logs a JSON line per request if its output is not a terminal", async () => {
  const started = await run();
  await started.ready;
  await fetch(`${started.origin}/robots.txt`);
  await fetch(`${started.origin}/nothing`);
  const events = () => linesOf(started).filter((line) => line !== "");
  await expect.poll(events).toHaveLength(2);
  expect(events().map((line) => JSON.parse(line))).toMatchObject([
    { method: "GET", route: "/robots.txt", status: 200 },
    { method: "GET", route: "unknown", status: 404, problem: "not_found" },
  ]);
});

describe.runIf(hasTerminal)("on a terminal", () => {
  const COLOURED = "\u001b[";
  const start = async (variables: Record<string, string | undefined>) => {
    const started = await run({
      terminal: true,
      // Node prints no colours if it detects an unknown CI.
      variables: { TERM: "xterm", CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, ...variables },
    });
    await started.ready;
    await fetch(`${started.origin}/robots.txt`);
    await fetch(`${started.origin}/api/v1/books?limit=0`);
    return started;
  };

  test("npm run dev logs a coloured line per request on a terminal, and an error's stack in the sources", async () => {
    const started = await start({});
    await expect.poll(() => linesOf(started).filter((line) => line !== "")).toHaveLength(2);
    const [good, bad] = linesOf(started).filter((line) => line !== "");
    expect(good).toMatch(/^\S*200\S* GET +\/robots.txt \S+ ms\S*$/);
    expect(bad).toMatch(/^\S*422\S* GET +\/api\/v1\/books \S+ ms\S* validation_failed$/);
    expect([good, bad].every((line) => line?.includes(COLOURED))).toBe(true);

    process.kill(
      Number.parseInt(await readFile(inDirectory("data/postgres/postmaster.pid"), "utf8"), 10),
      "SIGQUIT",
    );
    // Postgres may still serve a request.
    await expect.poll(async () => (await fetch(`${started.origin}/api/v1/books`)).status).toBe(503);
    await expect.poll(() => started.stdout()).toMatch(/at .*\(src\/db\/\w+\.ts:\d+:\d+\)/);
    expect(started.stdout()).toMatch(
      /503\S* GET +\/api\/v1\/books \S+ ms\S* database_unavailable\r?\n {4}UnavailableFault: /,
    );
    // Ctrl-C, typed on the terminal.
    started.child.stdin?.write("\u0003");
    expect(await started.exit).toBe(0);
  });

  test("npm run dev logs without colour on a terminal if NO_COLOR is set", async () => {
    const started = await start({ NO_COLOR: "1" });
    await expect.poll(() => started.stdout()).toMatch(/422 GET +\/api/);
    expect(started.stdout()).not.toContain(COLOURED);
  });
});
