/** `npm run doctor`: its report, and what it finds in the environment and at the port. */
import { execFile } from "node:child_process";
import { createServer as createTcpServer } from "node:net";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { SERVER_VARIABLES } from "../../src/server-config.ts";
import { environmentOf, runBuilt } from "../support/command.ts";
import { examine, goodServer, of, type Variables } from "../support/doctor.ts";
import { freePort, listening } from "../support/port.ts";
import { NO_REDIS, RedisServer } from "../support/redis.ts";
import { launchServer } from "../support/servers.ts";
import { SECRET } from "../support/token.ts";

let variables: Variables;

beforeAll(async () => {
  ({ variables } = await goodServer());
});

describe("the report", () => {
  test("a good server has no fault and no warning", async () => {
    const report = await examine(variables);
    expect(report).toMatchObject({ code: 0, faults: 0, warnings: 0 });
    expect(report.checks.map(({ area, check, status }) => `${area} ${check} ${status}`)).toEqual([
      "environment variables ok",
      "ports port ok",
      "database connection ok",
      "database version ok",
      "database migrations ok",
      "database rights ok",
      "database statement_timeout ok",
      "database clock ok",
      "database pooler ok",
      "database transactions skipped",
      "authentication access ok",
    ]);
  });

  test("people get a list with marks, which has no colours outside a terminal", async () => {
    const { code, stdout } = await runBuilt("doctor", [], { ...variables, RATE_LIMITS: "hidden" });
    expect(code).toBe(0);
    expect(stdout).toContain("Database\n  ✓ ");
    expect(stdout).toMatch(
      /\n {2}! RATE_LIMITS is not a variable .*\?\n {6}Rename RATE_LIMITS, or remove it\.\n/,
    );
    expect(stdout).toMatch(/\n0 faults, 1 warning\.\n$/);
    expect(stdout).not.toContain("\u001B");
  });

  test.each([
    ["", true],
    ["1", false],
  ])("on a terminal the marks have colours, with NO_COLOR=%s: %s", async (NO_COLOR, hasColours) => {
    const env = environmentOf({ TERM: "xterm", ...variables, ...(NO_COLOR && { NO_COLOR }) });
    // `script` of util-linux runs a command on a terminal.
    const command = ["-qefc", `${process.execPath} dist/doctor.js`, "/dev/null"];
    const { stdout } = await promisify(execFile)("script", command, { env });
    expect(stdout).toContain("✓");
    expect(stdout.includes("\u001B[32m✓")).toBe(hasColours);
  });

  test("the secrets of a good server are not printed", async () => {
    const { stdout } = await runBuilt("doctor", ["--json"], variables);
    expect(stdout).not.toContain(SECRET);
    expect(stdout).not.toContain(new URL(variables.DATABASE_URL).password);
  });

  test.each([[["--what"]], [["x"]], [["--env", "staging"]], [["--worker", "--env", "a b"]], [["--json=1"]]])(
    "npm run doctor explains the arguments %j and exits with 2",
    async (args) => {
      const { code, stdout, stderr } = await runBuilt("doctor", args, variables);
      expect([code, stdout, stderr]).toEqual([2, "", expect.stringMatching(/^Usage: npm run doctor .+\n$/)]);
    },
  );
});

describe("the environment", () => {
  test("every variable that is wrong is a fault of its own", async () => {
    const free = ["AUTH_ISSUER", "AUTH_AUDIENCE"];
    const wrong = SERVER_VARIABLES.filter((variable) => !free.includes(variable));
    const report = await examine(Object.fromEntries(wrong.map((variable) => [variable, "hidden!"])));
    for (const variable of wrong) expect(of(report, variable), variable).not.toEqual([]);
    expect(of(report, "port")).toMatchObject([{ status: "skipped" }]);
  });

  test.each([
    [
      "an unset CURSOR_KEY",
      { DATABASE_URL: "postgres://a:hidden@db.invalid/a" },
      "CURSOR_KEY",
      /openssl rand/,
    ],
    ["a short AUTH_SECRET", { AUTH_SECRET: "hidden" }, "AUTH_SECRET", /openssl rand/],
    ["a URL without a password", { DATABASE_URL: "postgres://a@db/a" }, "DATABASE_URL", /^Set DATABASE_URL=/],
  ])("%s is a fault", async (_, wrong, check, remedy) => {
    const [finding] = of(await examine({ ...variables, ...wrong }), check);
    expect(finding).toMatchObject({ status: "fault", remedy: expect.stringMatching(remedy) });
  });

  test("a checkout without DATABASE_URL is fine, and its database is not examined", async () => {
    const report = await examine({ PORT: "0" });
    expect(report).toMatchObject({ faults: 0, warnings: 0 });
    expect(of(report, "connection")).toMatchObject([{ status: "skipped" }]);
  });
});

describe("the port", () => {
  test("a port that another program holds is a fault", async () => {
    const port = await listening(createTcpServer((socket) => socket.end()));
    expect(of(await examine({ ...variables, PORT: `${port}` }), "port")).toMatchObject([
      { status: "fault", message: expect.stringContaining("EADDRINUSE") },
    ]);
  });

  test("a port that Octavo holds is fine", async () => {
    const { url } = launchServer("node", { ...variables });
    const { port } = new URL(await url);
    expect(of(await examine({ ...variables, PORT: port }), "port")).toMatchObject([
      { status: "ok", message: expect.stringContaining("A server answers") },
    ]);
  });

  test("the port of the metrics is examined, too", async () => {
    const METRICS_PORT = `${await listening(createTcpServer((socket) => socket.end()))}`;
    expect(of(await examine({ ...variables, METRICS_PORT }), "metrics")).toMatchObject([
      { status: "fault", remedy: expect.stringMatching(/^Set METRICS_PORT/) },
    ]);
    const free = `${await freePort()}`;
    await launchServer("node", { ...variables, METRICS_PORT: free }).url;
    expect(of(await examine({ ...variables, METRICS_PORT: free }), "metrics")).toMatchObject([
      { status: "ok", message: expect.stringContaining("A server answers") },
    ]);
  });

  test("an address that the machine does not have is a fault", async () => {
    const report = await examine({ ...variables, HOST: "192.0.2.1" });
    expect(of(report, "port")).toMatchObject([
      { status: "fault", remedy: expect.stringMatching(/^Set HOST/) },
    ]);
  });

  test("a store of quotas that cannot be reached is a warning", async () => {
    const RATE_LIMIT_STORE = `redis://:hidden@127.0.0.1:${await freePort()}`;
    expect(of(await examine({ ...variables, RATE_LIMIT_STORE }), "quotas")).toMatchObject([
      {
        status: "warning",
        message: expect.stringMatching(/127\.0\.0\.1:\d+ cannot be used \(.*ECONNREFUSED/),
      },
    ]);
  });

  test.skipIf(NO_REDIS)("a store of quotas that answers is fine, unless its password is wrong", async () => {
    const redis = new RedisServer(await freePort(), "hidden");
    await redis.start();
    const report = await examine({ ...variables, RATE_LIMIT_STORE: redis.url });
    expect(of(report, "quotas")).toMatchObject([{ status: "ok" }]);
    const wrong = await examine({ ...variables, RATE_LIMIT_STORE: redis.url.replace("hidden", "hidden2") });
    expect(of(wrong, "quotas")).toMatchObject([
      { status: "warning", message: expect.stringContaining("WRONGPASS") },
    ]);
  });
});
