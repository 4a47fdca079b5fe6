/** Servers of several processes: they share a port, replace a process that dies, and stop together. */

import { once } from "node:events";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { Agent, get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { eventsOf, metricsOf } from "../support/events.ts";
import { launch, type ServerProcess, type Variables } from "../support/servers.ts";

let database: TestDatabase;
const started: ServerProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const server of started.splice(0)) await server.end("SIGTERM");
});

describe.each(["node", "bun"] as const)("%s", (runtime) => {
  function start(variables: Variables = {}, checkout?: string): ServerProcess {
    const server = launch(
      runtime,
      { DATABASE_URL: database.url, PROCESSES: "2", METRICS_PORT: "0", ...variables },
      checkout,
    );
    started.push(server);
    return server;
  }

  test("two processes answer on one port, and the server tells once what it is", async () => {
    const server = start({ RATE_LIMIT: "600/60", TRUSTED_PROXY_HOPS: "0", AUTH_SECRET: "x".repeat(32) });
    const url = await server.url;
    await running(server, 2);
    const pids = await vi.waitUntil(
      async () => {
        const ids = await Promise.all(Array.from({ length: 10 }, () => answer(`${url}/api/v1/books`)));
        expect(ids.every(({ status }) => status === 200)).toBe(true);
        const pids = new Set(requests(server).map(({ pid }) => pid));
        return pids.size > 1 && pids;
      },
      { timeout: 20_000 },
    );
    expect(pids).toEqual(new Set(eventsOf(server, "process_start").map(({ pid }) => pid)));
    expect(pids).not.toContain(server.child.pid);
    expect(eventsOf(server, "start")).toEqual([expect.objectContaining({ processes: 2, address: url })]);
    expect(
      server
        .notices()
        .replace(/\S+:\d+/g, "…")
        .split("\n"),
    ).toEqual([
      expect.stringMatching(
        /^Octavo on \w+ \S+ at …, in 2 processes with up to 20 connections to the database$/,
      ),
      "Metrics at …/metrics",
      "RATE_LIMIT_STORE is memory, so each of the 2 processes counts quotas for itself.",
      "",
    ]);
  });

  test("a killed process fails its own requests alone, is replaced, and stays counted", async () => {
    const server = start();
    const url = await server.url;
    const [victim = 0] = await running(server, 2);
    const load = startLoad(url);
    await vi.waitUntil(() => new Set(requests(server).map(({ pid }) => pid)).size === 2, { timeout: 20_000 });
    const counted = (await metricsOf(server)).octavo_http_requests_total ?? 0;
    expect(counted).toBeGreaterThan(0);
    process.kill(victim, "SIGKILL");
    const [, , replacement = 0] = await running(server, 3);
    await vi.waitUntil(() => requests(server).some(({ pid }) => pid === replacement), { timeout: 20_000 });
    const { failed, sent } = await load.stop();
    expect(sent).toBeGreaterThan(failed.length);
    const pidOf = new Map(requests(server).map(({ request_id, pid }) => [connectionOf(request_id), pid]));
    for (const id of failed) expect([victim, undefined]).toContain(pidOf.get(connectionOf(id)));
    expect(eventsOf(server, "process_end")).toEqual([
      expect.objectContaining({ pid: victim, signal: "SIGKILL", level: "error" }),
    ]);
    const after = await metricsOf(server);
    expect(after.octavo_http_requests_total).toBeGreaterThanOrEqual(counted);
    expect(after.octavo_processes).toBe(2);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  test("metrics are the sums over the processes, also while one of them hangs", async () => {
    const server = start();
    const url = await server.url;
    const [one = 0] = await running(server, 2);
    for (let sent = 0; sent < 20; sent++) await answer(`${url}/api/v1/tasks`);
    const total = () => metricsOf(server).then((metrics) => metrics.octavo_http_requests_total);
    await expect.poll(total, { timeout: 20_000 }).toBe(20);
    process.kill(one, "SIGSTOP");
    expect(await metricsOf(server)).toMatchObject({ octavo_http_requests_total: 20, octavo_processes: 2 });
    process.kill(one, "SIGCONT");
  });

  test("SIGTERM stops all processes once every response is out", async () => {
    const server = start({ DATABASE_POOL_SIZE: "16" });
    const url = await server.url;
    await running(server, 2);
    const release = await database.hold("lock table books in access exclusive mode");
    const answers = Array.from({ length: 16 }, (_, at) =>
      // Equal requests to a process would share a query.
      answer(`${url}/api/v1/books?limit=${at + 1}`),
    );
    await expect.poll(database.waiting, { timeout: 10_000 }).toBe(16);
    const ended = server.end("SIGTERM");
    await expect
      .poll(() => answer(`${url}/health`).catch(() => "refused"), { timeout: 20_000 })
      .toBe("refused");
    await release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(16).fill(200));
    expect(await ended).toBe(0);
    expect(new Set(requests(server).map(({ pid }) => pid)).size).toBe(2);
    expect(eventsOf(server, "stop")).toHaveLength(1);
    expect(eventsOf(server, "process_end")).toEqual([]);
  });

  test("processes that die young are replaced after a pause, which grows", async () => {
    const server = start();
    await server.url;
    const pauses: number[] = [];
    for (let deaths = 0; deaths < 3; deaths++) {
      const pids = await running(server, 2 + deaths);
      process.kill(pids.at(-1) ?? 0, "SIGKILL");
      await running(server, 3 + deaths);
      const [from, to] = [eventsOf(server, "process_end").at(-1), eventsOf(server, "process_start").at(-1)];
      pauses.push(Date.parse(to?.time ?? "") - Date.parse(from?.time ?? ""));
    }
    for (const [deaths, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(95 * 2 ** deaths);
  });

  test("all processes end if the primary one is killed", async () => {
    const server = start();
    await server.url;
    const pids = await running(server, 2);
    server.child.kill("SIGKILL");
    await expect.poll(() => pids.filter(isRunning), { timeout: 20_000 }).toEqual([]);
  });

  test("the server does not start on a port that is in use, and says so once", async () => {
    const other = createServer();
    await once(other.listen(0, "127.0.0.1"), "listening");
    const server = start({ PORT: `${(other.address() as AddressInfo).port}` });
    await expect(server.url).rejects.toThrow(
      "is in use by another program. Choose another with HOST and PORT.",
    );
    expect(server.notices().trim()).not.toContain("\n");
    expect(await server.end("SIGTERM")).toBe(1);
    other.close();
  });

  describe("a copy that lacks a file", () => {
    let copy: string;
    beforeAll(async () => {
      copy = await mkdtemp(join(tmpdir(), "octavo-processes-"));
      await cp("dist", join(copy, "dist"), { recursive: true });
      await cp("package.json", join(copy, "package.json"));
      for (const name of await readdir(join(copy, "dist")))
        if (name.startsWith("worker-process")) await rm(join(copy, "dist", name));
    });
    afterAll(() => rm(copy, { recursive: true }));

    test("the server exits if its first process cannot start", async () => {
      const server = start({}, copy);
      await expect(server.url).rejects.toThrow("The server could not start.");
      expect(eventsOf(server, "process_start")).toHaveLength(1);
      expect(await server.end("SIGTERM")).toBe(1);
    });
  });
});

test("Deno, which ends the processes of a cluster before their responses are out, runs one alone", async () => {
  const DATABASE_URL = database.url;
  const refused = launch("deno", { DATABASE_URL, PROCESSES: "2" });
  await expect(refused.url).rejects.toThrow(/^the server exited: Deno .+, so PROCESSES must be 1\.\n$/);
  const server = launch("deno", { DATABASE_URL, PROCESSES: "auto" });
  started.push(server);
  expect((await answer(`${await server.url}/health`)).status).toBe(200);
  expect(server.notices()).not.toContain("processes");
});

const requests = (server: ServerProcess) => eventsOf(server, "request");

/** Waits until so many processes have been started and those that live answer, and gives the ids of all. */
async function running(server: ServerProcess, count: number): Promise<number[]> {
  await server.url;
  const pids = await vi.waitUntil(
    () => {
      const started = eventsOf(server, "process_start").map(({ pid }) => pid);
      return started.length === count && started;
    },
    { timeout: 20_000 },
  );
  await expect.poll(() => metricsOf(server), { timeout: 20_000 }).toMatchObject({ octavo_processes: 2 });
  return pids;
}

/** Sends a request on a connection of its own, unless an agent has one. */
function answer(url: string, id = "", agent?: Agent): Promise<{ status: number | undefined }> {
  return new Promise((resolve, reject) => {
    const headers = id ? { "X-Request-Id": id } : {};
    const request = get(url, { agent: agent ?? false, headers, timeout: 10_000 }, (response) => {
      response.on("error", reject).on("end", () => resolve({ status: response.statusCode }));
      response.resume();
    });
    request.on("error", reject).on("timeout", () => request.destroy(new Error("timeout")));
  });
}

const CLIENTS = 12;

/** Clients that keep their connection, and open another after a failure. Ids begin with that of the connection. */
function startLoad(url: string) {
  let isStopped = false;
  let sent = 0;
  const failed: string[] = [];
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let connection = 0; !isStopped; connection++) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      // Connections end now and then, so that a process that has just started has some.
      for (let number = 0; number < 50 && !isStopped; number++) {
        const id = `${client}.${connection}.${number}`;
        sent++;
        const { status } = await answer(`${url}/api/v1/books?limit=1`, id, agent).catch(() => ({
          status: 0,
        }));
        if (status !== 200) {
          failed.push(id);
          break;
        }
      }
      agent.destroy();
    }
  });
  return {
    async stop() {
      isStopped = true;
      await Promise.all(clients);
      return { failed, sent };
    },
  };
}

const connectionOf = (id: string) => id.slice(0, id.lastIndexOf("."));

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
