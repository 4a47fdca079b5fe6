/** What `npm run dev` exposes to other users of the machine and to the pages in its browsers. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { neon, neonConfig } from "@neondatabase/serverless";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rawRequest } from "../support/client.ts";
import { inDirectory, launch, prepareDev, type Run, run } from "../support/dev.ts";
import { SECRET } from "../support/token.ts";

prepareDev();

const isLinux = process.platform === "linux";

/** The ids of a process and all its descendants. */
async function processesOf(root: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = new Map<number, number>();
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    // proc(5): the parent's id is the second field after the name in parentheses.
    if (stat) parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const family = [root];
  for (const one of family) for (const [pid, parent] of parents) if (parent === one) family.push(pid);
  return family;
}

/** The ports on which the processes listen. */
async function portsOf(pids: number[]): Promise<number[]> {
  const sockets = new Set<string>();
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
      sockets.add(target.match(/^socket:\[(\d+)\]$/)?.[1] ?? "");
    }
  }
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8")));
  const LISTEN = "0A";
  return tables.flatMap((table) =>
    table
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode = "-"]) => state === LISTEN && sockets.has(inode))
      .map(([, local = ""]) => Number.parseInt(local.split(":")[1] ?? "", 16)),
  );
}

/** The ports of a run on which a debugger listens. */
const inspectors = async ({ child }: Run): Promise<number[]> => {
  const found: number[] = [];
  for (const port of await portsOf(await processesOf(child.pid ?? 0))) {
    const request = rawRequest(`http://127.0.0.1:${port}`, {
      path: "/json",
      headers: { Connection: "close" },
    });
    const { text } = await request.catch(() => ({ text: "" }));
    if (text.includes("webSocketDebuggerUrl")) found.push(port);
  }
  return found;
};

/** The secrets of a run. */
async function secrets(): Promise<string[]> {
  const names = ["auth-secret", "app-password", "postgres.password"];
  const kept = names.map((name) => readFile(inDirectory("data", name), "utf8").catch(() => undefined));
  return [SECRET, ...(await Promise.all(kept)).filter((secret) => secret !== undefined)];
}

/** The first word of a line of the greeting, by its label. */
const lineOf = (started: Run, name: string) =>
  started.stdout().match(new RegExp(`^  ${name} +(\\S+)`, "m"))?.[1] ?? "";

/** Fails if an argument of a process contains a secret, or if a debugger listens. */
async function expectPrivate(started: Run) {
  const family = await processesOf(started.child.pid ?? 0);
  const commands = await Promise.all(family.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8")));
  expect(commands.filter((line) => line.includes("workerd"))).not.toEqual([]);
  const known = await secrets();
  expect(known.length).toBeGreaterThan(1);
  for (const line of commands) for (const secret of known) expect(line).not.toContain(secret);
  expect(await portsOf(family)).toContain(Number(new URL(started.origin).port));
  expect(await inspectors(started)).toEqual([]);
}

describe("without tokens", () => {
  let started: Run;

  beforeAll(async () => {
    started = await launch();
    await started.ready;
  });
  afterAll(() => started.end("SIGTERM"));

  test.runIf(isLinux)("npm run dev passes no secret as an argument, and opens no debugger's port", () =>
    expectPrivate(started),
  );

  test("the connection strings that npm run dev prints give no superuser access", async () => {
    const superuser = await readFile(inDirectory("data", "postgres.password"), "utf8");
    expect(started.output()).not.toContain(superuser);
    neonConfig.fetchEndpoint = lineOf(started, "Neon SQL");
    const url = lineOf(started, "Postgres");
    const sql = neon(url);
    expect(
      await sql`select current_user, usesuper, usecreatedb from pg_user where usename = current_user`,
    ).toEqual([{ current_user: "octavo_app", usesuper: false, usecreatedb: false }]);
    for (const [statement, refusal] of [
      ["copy (select 1) to program 'true'", /permission denied to COPY/],
      ["select pg_read_file('/etc/passwd')", /permission denied/],
      ["update stock_movements set delta = 0", /permission denied/],
      ["drop table books", /must be owner/],
      ["set role octavo", /permission denied/],
    ] as const) {
      await expect(sql.query(statement), statement).rejects.toThrow(refusal);
    }
    const asSuperuser = Object.assign(new URL(url), { username: "octavo", password: superuser }).href;
    await expect(neon(asSuperuser)`select 1`).rejects.toThrow("password authentication failed");
  });

  test("npm run dev admits only pages of this machine, and disables wrangler's tools", async () => {
    const send = (method: string, path: string, headers: Record<string, string>) =>
      rawRequest(started.origin, { method, path, headers });
    const tasksFor = async (Origin: string) =>
      (await send("GET", "/api/v1/tasks", { Origin })).headers.get("Access-Control-Allow-Origin");
    expect(await tasksFor("http://localhost:5173")).toBe("http://localhost:5173");
    expect(await tasksFor("https://evil.example")).toBeNull();
    const preflight = { Origin: "http://localhost:5173", "Access-Control-Request-Method": "PATCH" };
    const granted = await send("OPTIONS", "/api/v1/books", preflight);
    expect(granted.headers.get("Access-Control-Allow-Methods")).toContain("PATCH");
    expect(started.stdout()).toContain("to pages from localhost, 127.0.0.1 and [::1] on any port");
    expect((await send("GET", "/health", { Host: "evil.example" })).status).toBe(421);
    for (const tool of ["explorer", "explorer/api", "observability/query"])
      expect((await send("GET", `/cdn-cgi/local/${tool}`, {})).status, tool).toBe(404);
  });
});

test.runIf(isLinux)(
  "npm run dev with tokens passes no secret as an argument, and opens no debugger's port",
  async () => {
    const started = await run({ variables: { AUTH_SECRET: SECRET } });
    await started.ready;
    await expectPrivate(started);
  },
);

test.runIf(isLinux)("npm run dev --inspect opens a debugger's port, and prints it", async () => {
  const started = await run({ flags: ["--inspect"] });
  await started.ready;
  const { port } = new URL(lineOf(started, "Inspector").replace(/;$/, ""));
  expect(await inspectors(started)).toContain(Number(port));
});
