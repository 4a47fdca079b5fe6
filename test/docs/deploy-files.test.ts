/** The files in deploy/: they agree with each other, with the code and with the tools that read them. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { parseServerConfig, SERVER_VARIABLES } from "../../src/server-config.ts";

const textOf = (name: string) => readFileSync(`deploy/${name}`, "utf8");

/** Whether a program is installed. */
const has = (program: string, ...args: string[]) => {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

const unit = textOf("octavo.service");
const variables = parseEnv(textOf("octavo.env")) as Record<string, string>;

test("octavo.env has only variables of a server, and is valid once its secrets are filled in", async () => {
  expect(Object.keys(variables).filter((name) => !SERVER_VARIABLES.includes(name))).toEqual([]);
  const config = await parseServerConfig({ ...variables, AUTH_SECRET: "x".repeat(64) });
  expect(config).toMatchObject({ host: "127.0.0.1", trustedProxyHops: 1 });
});

test("the service runs what npm start and the image run", () => {
  const [, command = ""] = unit.match(/^ExecStart=\/usr\/bin\/(.+)$/m) ?? [];
  expect(command).toBe(manifest.scripts.start);
  const image = readFileSync("Dockerfile", "utf8").match(/^CMD (\[.*dist\/node\.js.*\])$/m)?.[1] ?? "[]";
  expect(JSON.parse(image).join(" ")).toBe(command);
});

test("the service waits for running requests longer than their deadline", async () => {
  const { deadline } = await parseServerConfig(variables);
  expect(Number(unit.match(/^TimeoutStopSec=(\d+)$/m)?.[1]) * 1000).toBeGreaterThan(deadline);
});

test("Caddy sends requests to where the server listens", () => {
  expect(textOf("Caddyfile")).toContain(`reverse_proxy ${variables.HOST}:${variables.PORT} {`);
});

test.skipIf(!has("systemd-analyze", "--version"))(
  "systemd finds no fault in the service, and little that it exposes",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "octavo-unit-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "octavo.service");
    // The program of the unit may be elsewhere on this machine.
    await writeFile(file, unit.replace("/usr/bin/node", process.execPath));
    const analyze = (...args: string[]) =>
      execFileSync("systemd-analyze", [...args, file], { encoding: "utf8", stdio: "pipe" });
    expect(analyze("verify")).toBe("");
    const [, exposure] = analyze("security", "--offline=true").match(/exposure level .*: ([\d.]+)/) ?? [];
    expect(Number(exposure)).toBeLessThan(2);
  },
);

test.skipIf(!has("caddy", "version"))("Caddy finds no fault in the Caddyfile", () => {
  execFileSync("caddy", ["validate", "--config", "deploy/Caddyfile", "--adapter", "caddyfile"], {
    stdio: "pipe",
  });
});
