/**
 * `npm run bench:start`: measures the time from a server's start to its first response on a running database, its resident
 * memory when idle, and the time that it takes to stop with idle connections.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DATABASE } from "../dev/cli.ts";
import { startPostgres } from "../dev/postgres.ts";
import { loadSample } from "../dev/sample.ts";
import { command } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { median } from "./median.ts";
import { NODE_FLAGS } from "./targets.ts";

const ROUNDS = 15;
const IDLE_CONNECTIONS = 200;
const SETTLE_MS = 1000;

const SERVERS = {
  node: [process.execPath, ...NODE_FLAGS, "dist/node.js"],
  bun: ["bun", "--no-install", "dist/bun.js"],
} as const;

interface Sample {
  start: number;
  memory: number;
  end: number;
}

await command(async () => {
  execFileSync(process.execPath, ["dev/build.js"]);
  const postgres = await startPostgres({ directory: join(DATA, "bench"), onProgress: console.log });
  try {
    await postgres.createDatabase(`${DATABASE}_start`);
    const url = postgres.url(`${DATABASE}_start`);
    await migrate(url);
    await loadSample(url);
    const samples = { node: [] as Sample[], bun: [] as Sample[] };
    // The first round only warms the disk cache.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const name of ["node", "bun"] as const) {
        const sample = await measure(SERVERS[name], url);
        if (round > 0) samples[name].push(sample);
      }
    }
    console.log(`Medians of ${ROUNDS} alternating rounds`);
    for (const [name, taken] of Object.entries(samples)) {
      const of = (key: keyof Sample) => median(taken.map((sample) => sample[key])).toFixed(0);
      console.log(
        `  ${name.padEnd(5)} first response after ${of("start")} ms, ${of("memory")} MB resident when idle, ` +
          `stops within ${of("end")} ms with ${IDLE_CONNECTIONS} idle connections`,
      );
    }
  } finally {
    await postgres.stop();
  }
});

async function measure([file, ...args]: readonly [string, ...string[]], url: string): Promise<Sample> {
  const port = await freePort();
  const books = `http://127.0.0.1:${port}/api/v1/books`;
  const started = performance.now();
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, DATABASE_URL: url, PORT: `${port}` },
    stdio: "ignore",
  });
  while (!(await answers(books))) await sleep(1);
  const start = performance.now() - started;
  await sleep(SETTLE_MS);
  const memory = resident(child);
  const agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS });
  await Promise.all(Array.from({ length: IDLE_CONNECTIONS }, () => answers(books, agent)));
  const signalled = performance.now();
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the server exited with ${code}`);
  agent.destroy();
  return { start, memory, end: performance.now() - signalled };
}

function answers(url: string, agent?: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, agent ? { agent } : { agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode === 200));
    }).on("error", () => resolve(false));
  });
}

/** Resident memory in megabytes (of 1,000,000 bytes). */
function resident({ pid }: ChildProcess): number {
  const kib = Number(execFileSync("ps", ["-o", "rss=", "-p", `${pid}`], { encoding: "utf8" }));
  return (kib * 1024) / 1e6;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
