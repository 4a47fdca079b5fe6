/**
 * `npm run dev`: runs the Worker in workerd through wrangler, on a local Neon endpoint and the embedded Postgres or the
 * database of DATABASE_URL. On the embedded Postgres, everyone on this machine may write unless tokens are configured or
 * `--auth` is given. It runs bundled, as dist/main.js, because Node takes 0.6 s of CPU to load Drizzle's 100 modules.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { command } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { authSecret } from "../ops/secret.ts";
import { wrangler } from "../ops/wrangler.ts";
import { parseConfig, WORKER_VARIABLES } from "../src/config.ts";
import { AUTH_VARIABLES, usesProvider } from "../src/http/auth/settings.ts";
import { misspellings } from "../src/misspellings.ts";
import { StartupError } from "../src/startup-error.ts";
import { type AppDatabase, startDatabase } from "./embedded.ts";
import { startNeonEndpoint } from "./neon-endpoint.ts";
import type { Listening, Settings } from "./worker.ts";

const HOST = "127.0.0.1";
const READY_TIMEOUT_MS = 60_000;

/** Overrides wrangler.toml: no quota, and none of the authentication of a deployment. */
const LOCAL: Record<string, string> = {
  RATE_LIMIT: "off",
  AUTH_SECRET: "",
  ...Object.fromEntries(Object.keys(AUTH_VARIABLES).map((name) => [name, ""])),
};

/** Stops what was started, in reverse order. */
const stops: (() => Promise<void>)[] = [];
let stopping: Promise<void> | undefined;

function stopAll(): Promise<void> {
  stopping ??= (async () => {
    for (const stopOne of stops.reverse()) await stopOne();
  })();
  return stopping;
}

await command(async () => {
  const { auth, inspect } = flags();
  const port = portOf(process.env.PORT || "8787");
  const given = givenVariables();
  for (const sentence of misspellings(process.env, WORKER_VARIABLES)) console.error(sentence);
  await requireFree(port);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stopAll());

  try {
    const { url, ready, stop }: { url: string } & Partial<AppDatabase> = given.DATABASE_URL
      ? { url: given.DATABASE_URL }
      : await startDatabase(console.error);
    if (stop) stops.push(stop);
    const access = await accessOf(given, auth);
    const variables: Record<string, string> = { ...LOCAL, ...given, ...access, DATABASE_URL: url };
    await parseConfig(variables);
    if (!given.NEON_FETCH_ENDPOINT) {
      const endpoint = await startNeonEndpoint({ postgres: url });
      stops.push(() => endpoint.close());
      variables.NEON_FETCH_ENDPOINT = endpoint.url;
    }

    const worker = startWorker({ host: HOST, port, variables, inspect });
    stops.push(worker.stop);
    const books = await ready;
    const { inspector } = await worker.listening;
    await requireReady(port);
    if (!stopping) console.log(greeting({ port, books, variables, inspector }));
    await worker.exit;
    if (!stopping) throw new StartupError("The Worker ended unexpectedly.");
  } catch (error) {
    // Errors during a shutdown are not failures.
    if (!stopping) throw error;
  } finally {
    await stopAll();
  }
});

function flags() {
  try {
    const options = {
      auth: { type: "boolean", default: false },
      inspect: { type: "boolean", default: false },
    } as const;
    return parseArgs({ options }).values;
  } catch {
    throw new StartupError("Usage: npm run dev [-- [--auth] [--inspect]]. The variable PORT sets the port.");
  }
}

/** The configuration variables that are set in the environment. */
function givenVariables(): Record<string, string> {
  return Object.fromEntries(
    WORKER_VARIABLES.flatMap((name) => {
      const value = process.env[name];
      return value ? [[name, value]] : [];
    }),
  );
}

/** The variables that decide who may write. The database of DATABASE_URL is open only with OPEN_LOCAL_WRITES. */
async function accessOf(given: Record<string, string>, auth: boolean): Promise<Record<string, string>> {
  if (usesProvider(given)) return {};
  const isOpen = !auth && !given.AUTH_SECRET && (!given.DATABASE_URL || given.OPEN_LOCAL_WRITES);
  return isOpen ? { OPEN_LOCAL_WRITES: "true" } : { AUTH_SECRET: await authSecret() };
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
    throw new StartupError(`Port ${port} ${reason}. Choose another port: PORT=8788 npm run dev.`);
  } finally {
    probe.close();
  }
}

/** Starts the Worker in a separate process. wrangler's warnings go to stderr. */
function startWorker(settings: Settings) {
  const child = fork(new URL("../dev/worker.ts", import.meta.url), {
    env: { WRANGLER_LOG: "warn", ...wrangler().environment },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  child.send(settings);
  const exit = once(child, "exit").then(() => {});
  const listening = Promise.race([
    once(child, "message").then(([message]) => message as Listening),
    exit.then(() => {
      throw new StartupError("The Worker did not start.");
    }),
  ]);
  listening.catch(() => {});
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await exit;
  };
  return { listening, exit, stop };
}

/** Waits until the Worker is ready; wrangler delays requests until the Worker is built. */
async function requireReady(port: number): Promise<void> {
  const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
  const response = await fetch(`http://${HOST}:${port}/ready`, { signal }).catch(() => {
    throw new StartupError("The Worker does not respond.");
  });
  const { message } = (await response.json()) as { message?: string };
  if (!response.ok) throw new StartupError(`The Worker is not ready: ${message}`);
}

function greeting(at: {
  port: number;
  books: number | undefined;
  variables: Record<string, string>;
  inspector: string | undefined;
}): string {
  const origin = `http://${HOST}:${at.port}`;
  const { AUTH_SECRET, DATABASE_URL, NEON_FETCH_ENDPOINT } = at.variables;
  const isProvided = usesProvider(at.variables);
  const isEmbedded = at.books !== undefined;
  const token = isProvided ? "$TOKEN" : "$(npm run -s token -- --role editor)";
  const isOpen = !AUTH_SECRET && !isProvided;
  const authorization = isOpen ? "" : ` \\\n    -H "Authorization: Bearer ${token}"`;
  const lines = [
    ["Octavo", isEmbedded ? `${origin}, with ${at.books} books` : origin],
    ["Counter", `${origin}/staff`],
    ["Reference", `${origin}/docs`],
    ...(isOpen
      ? [
          ["Writes", "open to everyone on this machine (npm run dev -- --auth requires a token),"],
          ["", "and to pages from localhost, 127.0.0.1 and [::1] on any port"],
        ]
      : [
          [
            "Writes",
            `need a token${isProvided ? " from your identity provider" : ": npm run token -- --role editor"}`,
          ],
        ]),
    [
      "Postgres",
      isEmbedded ? DATABASE_URL : "the database of DATABASE_URL, without migrations or sample data",
    ],
    ["Neon SQL", NEON_FETCH_ENDPOINT],
    ...(at.inspector
      ? [["Inspector", `${at.inspector}; any debugger that connects controls the Worker`]]
      : []),
  ].map(([name = "", value]) => `  ${name.padEnd(12)} ${value}`);
  return `
${lines.join("\n")}

  Try
    curl "${origin}/api/v1/books?search=earthsea&sort=title"
    curl -X POST ${origin}/api/v1/books -H "Content-Type: application/json"${authorization} \\
      -d '{"title":"Flatland","author":"Edwin A. Abbott","isbn":"978-0-486-27263-4","price":5.5,"stock":7}'

  Ctrl-C stops everything.${isEmbedded ? ` The data stays in ${relative(process.cwd(), DATA) || DATA}.` : ""}
`;
}
