/** The log of `npm run dev`: lines for people on a terminal, JSON elsewhere. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { forPeople } from "../../dev/log.ts";
import { inDirectory, type Run, run } from "../support/dev.ts";

const hasTerminal = canScript();

function canScript(): boolean {
  try {
    execFileSync("script", ["-qefc", "true", "/dev/null"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What is there behind the greeting, line by line. */
const linesOf = ({ stdout }: Run) =>
  (stdout().split("Ctrl-C stops all of it")[1] ?? "").trim().split(/\r?\n/).slice(1);

test("is a line of JSON for each request where it is not a terminal", async () => {
  const started = await run();
  await started.ready;
  await fetch(`${started.origin}/health`);
  await fetch(`${started.origin}/nothing`);
  const events = () => linesOf(started).filter((line) => line !== "");
  await expect.poll(events).toHaveLength(2);
  expect(events().map((line) => JSON.parse(line))).toMatchObject([
    { method: "GET", route: "/health", status: 200 },
    { method: "GET", route: "unknown", status: 404, problem: "not_found" },
  ]);
});

describe.runIf(hasTerminal)("on a terminal", () => {
  const COLOURED = "\u001b[";
  const start = async (variables: Record<string, string | undefined>) => {
    const started = await run({
      terminal: true,
      // Node shows no colours to a CI that it does not know.
      variables: { TERM: "xterm", CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, ...variables },
    });
    await started.ready;
    await fetch(`${started.origin}/health`);
    await fetch(`${started.origin}/api/v1/books?limit=0`);
    return started;
  };

  test("is a short coloured line for each request, and an error is its stack in the sources", async () => {
    const started = await start({});
    await expect.poll(() => linesOf(started).filter((line) => line !== "")).toHaveLength(2);
    const [good, bad] = linesOf(started).filter((line) => line !== "");
    expect(good).toMatch(/^\S*200\S* GET +\/health \S+ ms\S*$/);
    expect(bad).toMatch(/^\S*422\S* GET +\/api\/v1\/books \S+ ms\S* validation_failed$/);
    expect([good, bad].every((line) => line?.includes(COLOURED))).toBe(true);

    process.kill(
      Number.parseInt(await readFile(inDirectory("data/postgres/postmaster.pid"), "utf8"), 10),
      "SIGQUIT",
    );
    // A request may still find Postgres at work.
    await expect.poll(async () => (await fetch(`${started.origin}/api/v1/books`)).status).toBe(503);
    await expect.poll(() => started.stdout()).toMatch(/at .*\(src\/db\/\w+\.ts:\d+:\d+\)/);
    expect(started.stdout()).toMatch(
      /503\S* GET +\/api\/v1\/books \S+ ms\S* database_unavailable\r?\n {4}UnavailableFault: /,
    );
    // As a person ends it.
    started.child.stdin?.write("\u0003");
    expect(await started.exit).toBe(0);
  });

  test("has no colour where NO_COLOR asks for none", async () => {
    const started = await start({ NO_COLOR: "1" });
    await expect.poll(() => started.stdout()).toMatch(/422 GET +\/api/);
    expect(started.stdout()).not.toContain(COLOURED);
  });
});

describe("a line", () => {
  const event = { status: 500, method: "GET", route: "/x", duration_ms: 1.25, problem: "internal_error" };
  const plain = (line: string) => {
    vi.stubEnv("NO_COLOR", "1");
    return forPeople(line);
  };
  afterEach(() => vi.unstubAllEnvs());

  test.each(["", "null", "5", "[]", "{", '{"a":1}', '{"duration_ms":"1"}', "The configuration has a fault."])(
    "%j, which is no event, stays as it is",
    (line) => expect(plain(line)).toBe(line),
  );

  test("has the error, and what caused it, with what it says where it has no stack", () => {
    const cause = { name: "Error", message: "cause\nof two lines" };
    const error = { name: "Error", message: "what", stack: "Error: what\n    at somewhere", cause };
    expect(plain(JSON.stringify({ ...event, error })).split("\n")).toEqual([
      "500 GET    /x 1.3 ms internal_error",
      "    Error: what",
      "        at somewhere",
      "    caused by",
      "    Error: cause",
      "    of two lines",
    ]);
  });

  test.each(['{"duration_ms":1}', '{"duration_ms":1,"error":5}', '{"duration_ms":1,"error":{"stack":5}}'])(
    "%s, which somebody else logged, does no harm",
    (line) => expect(plain(line)).toMatch(/^undefined /),
  );

  test("steers no terminal", () => {
    const error = { name: "Error", message: "\u001b]0;title\u0007\r\u009b31m\u0000" };
    expect(plain(JSON.stringify({ ...event, error }))).toMatch(/^[\n -~]*$/);
    expect(plain("a\u001b[31mb")).toBe("a[31mb");
  });
});
