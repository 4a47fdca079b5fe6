import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, type V4WorkerOptions } from "miniflare";
import { inject } from "vitest";
import { createTestHarness, unstable_getMiniflareWorkerOptions } from "wrangler";
import type { TestDatabase } from "./database.ts";
import { atEnd } from "./end.ts";

/** The Worker in workerd. */
export interface TestWorker {
  url: string;
  /** The messages logged so far. */
  logs(): string[];
  /** Ends it before the test file does. */
  stop(): Promise<void>;
}

type Variables = Record<string, string | undefined>;

interface WorkerOptions {
  /** A file to read instead of wrangler.toml. */
  config?: string;
  /** Miniflare options that take precedence over those from the configuration file. */
  overrides?: Partial<V4WorkerOptions>;
  /** A folder in which storage outlives the Worker. */
  storage?: string;
  /** The folder that contains worker.js, if it is not the product's. */
  directory?: string;
}

/**
 * Starts the bundled Worker on a database, and stops it when the test file ends.
 *
 * Miniflare runs it, because wrangler's test harness adds a proxy that takes twice as much CPU as the Worker.
 *
 * @param variables the Worker's variables; undefined values are left out
 */
export async function startWorker(
  database: Pick<TestDatabase, "url">,
  variables: Variables = {},
  { config = "wrangler.toml", overrides = {}, storage, directory = inject("worker") }: WorkerOptions = {},
): Promise<TestWorker> {
  const logs: string[] = [];
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      ...unstable_getMiniflareWorkerOptions(config).workerOptions,
      ...overrides,
      name: "octavo",
      modules: [{ type: "ESModule", path: join(directory, "worker.js") }],
      modulesRoot: directory,
      bindings: bindingsOf(database, variables),
      ...(storage && { resourcePersistencePath: storage }),
      // Otherwise, Miniflare downloads an example of the `cf` object.
      cf: false,
      handleStructuredLogs: ({ message }) => logs.push(String(message)),
    }),
  );
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= worker.dispose());
  atEnd(stop);
  const { origin } = await worker.ready;
  return { url: origin, logs: () => logs, stop };
}

/** Starts the bundled Worker behind the proxy of `wrangler dev`, and stops it when the test file ends. */
export async function startWrangler(database: TestDatabase, variables: Variables): Promise<{ url: string }> {
  const worker = { configPath: "wrangler.toml", prebuiltWorkerDir: inject("worker") };
  const harness = createTestHarness({ workers: [{ ...worker, vars: bindingsOf(database, variables) }] });
  atEnd(() => harness.close());
  const { url } = await harness.listen();
  return { url: url.origin };
}

function bindingsOf(database: Pick<TestDatabase, "url">, variables: Variables): Record<string, string> {
  const bindings = {
    DATABASE_URL: database.url,
    NEON_FETCH_ENDPOINT: variables.NEON_FETCH_ENDPOINT ?? inject("neon"),
    RATE_LIMIT: "off",
    ...variables,
  };
  return Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
