/**
 * `npm run dev`: the embedded Postgres, the local Neon endpoint, the migrations, a sample catalogue, and `wrangler
 * dev` over them. Everybody on this machine may write, unless AUTH_SECRET is set or `--auth` is given.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { relative } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { command } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { authSecret } from "../ops/secret.ts";
import { StartupError } from "../src/startup-error.ts";
import { DATABASE } from "./cli.ts";
import { startNeonEndpoint } from "./neon-endpoint.ts";
import { startPostgres } from "./postgres.ts";
import { loadSample } from "./sample.ts";
import { wrangler } from "./wrangler.ts";

const HOST = "127.0.0.1";
const READY_TIMEOUT_MS = 60_000;

/** What was started, to be stopped in the opposite order. */
const stops: (() => Promise<void>)[] = [];
let stopping: Promise<void> | undefined;

function stop(): Promise<void> {
  stopping ??= (async () => {
    for (const stopOne of stops.reverse()) await stopOne();
  })();
  return stopping;
}

await command(async () => {
  const port = portOf(process.env.PORT || "8787");
  const secret = authWanted() || process.env.AUTH_SECRET ? await authSecret() : undefined;
  await requireFree(port);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());

  try {
    const postgres = await startPostgres({ directory: DATA, onProgress: console.log });
    stops.push(() => postgres.stop());
    await postgres.createDatabase(DATABASE);
    const url = postgres.url(DATABASE);
    const endpoint = await startNeonEndpoint({ postgres: url });
    stops.push(() => endpoint.close());

    const worker = startWorker(port, {
      DATABASE_URL: url,
      NEON_FETCH_ENDPOINT: endpoint.url,
      RATE_LIMIT: "off",
      ...(secret ? { AUTH_SECRET: secret } : { OPEN_LOCAL_WRITES: "true" }),
    });
    stops.push(worker.stop);
    await migrate(url);
    const books = await loadSample(url);
    await worker.ready;
    if (!stopping) console.log(greeting({ port, books, url, endpoint: endpoint.url, open: !secret }));
    await worker.exit;
  } catch (error) {
    // What fails because Ctrl-C took its ground away is no failure.
    if (!stopping) throw error;
  } finally {
    await stop();
  }
});

function authWanted(): boolean {
  try {
    return parseArgs({ options: { auth: { type: "boolean", default: false } } }).values.auth;
  } catch {
    throw new StartupError("Usage: npm run dev [-- --auth]. PORT changes the port.");
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new StartupError("PORT must be a number from 1 to 65535.");
  return port;
}

async function requireFree(port: number): Promise<void> {
  const probe = createServer();
  try {
    await once(probe.listen(port, HOST), "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "EADDRINUSE" ? "is in use by another program" : `cannot be used (${code})`;
    throw new StartupError(
      `Port ${port} ${reason}; stop that program, or choose another port: PORT=8788 npm run dev.`,
    );
  } finally {
    probe.close();
  }
}

/** Starts `wrangler dev`. Its output is kept back until the Worker answers, and shown if it never does. */
function startWorker(port: number, variables: Record<string, string>) {
  const { file, environment } = wrangler();
  const flags = Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const preload = ["--import", new URL("./end-with-parent.ts", import.meta.url).href];
  const options = [
    "--ip",
    HOST,
    "--port",
    `${port}`,
    "--inspector-port",
    "0",
    "--show-interactive-dev-session=false",
  ];
  const child = spawn(process.execPath, [...preload, file, "dev", ...options, ...flags], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let held: Buffer[] | undefined = [];
  for (const [stream, out] of [
    [child.stdout as Readable, process.stdout],
    [child.stderr as Readable, process.stderr],
  ] as const) {
    stream.on("data", (chunk: Buffer) => (held ? held.push(chunk) : out.write(chunk)));
  }
  const exit = once(child, "exit").then(() => {});
  const ready = Promise.race([answers(`http://${HOST}:${port}/ready`), exit.then(() => false)]).then(
    (answered) => {
      if (!answered && !stopping)
        throw new StartupError(`wrangler dev did not start:\n${Buffer.concat(held ?? [])}`);
      held = undefined;
    },
  );
  ready.catch(() => {});
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await exit;
  };
  return { ready, exit, stop };
}

/** Whether the URL answers 200 before a minute is over. */
async function answers(url: string): Promise<boolean> {
  const giveUp = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < giveUp && !stopping) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return true;
    await sleep(50);
  }
  return false;
}

function greeting(at: { port: number; books: number; url: string; endpoint: string; open: boolean }): string {
  const origin = `http://${HOST}:${at.port}`;
  const authorization = at.open
    ? ""
    : ` \\\n    -H "Authorization: Bearer $(npm run -s token -- --role editor)"`;
  return `
  Octavo       ${origin}, with ${at.books} books
  Reference    ${origin}/docs
  Writes       ${at.open ? "open to everybody on this machine (npm run dev -- --auth closes them)" : "with a token: npm run token -- --role editor"}
  Postgres     ${at.url}
  Neon SQL     ${at.endpoint}

  Try
    curl "${origin}/api/v1/books?search=earthsea&sort=title"
    curl -X POST ${origin}/api/v1/books -H "Content-Type: application/json"${authorization} \\
      -d '{"title":"Flatland","author":"Edwin A. Abbott","isbn":"978-0-486-27263-4","price":5.5,"stock":7}'

  Ctrl-C stops all of it. The data stays in ${relative(process.cwd(), DATA) || DATA}.
`;
}
