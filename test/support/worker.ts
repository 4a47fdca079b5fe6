import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, type V4WorkerOptions } from "miniflare";
import { inject } from "vitest";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import type { TestDatabase } from "./database.ts";
import { atEnd } from "./end.ts";

/** The Worker in workerd. */
export interface TestWorker {
  url: string;
  /** The messages logged so far. */
  logs(): string[];
}

interface WorkerOptions {
  /** A file to read instead of wrangler.toml. */
  config?: string;
  /** Miniflare options that take precedence over those from the configuration file. */
  overrides?: Partial<V4WorkerOptions>;
  /** The folder that contains worker.js, if it is not the product's. */
  directory?: string;
}

/**
 * Starts the bundled Worker on a database, and stops it when the test file ends.
 *
 * Miniflare runs it, because wrangler's test harness adds a proxy that takes twice as much CPU as the Worker. The tests
 * in test/dev start the Worker through wrangler.
 *
 * @param variables the Worker's variables; undefined values are left out
 */
export async function startWorker(
  database: TestDatabase,
  variables: Record<string, string | undefined> = {},
  { config = "wrangler.toml", overrides = {}, directory = inject("worker") }: WorkerOptions = {},
): Promise<TestWorker> {
  const bindings = {
    DATABASE_URL: database.url,
    NEON_FETCH_ENDPOINT: inject("neon"),
    RATE_LIMIT: "off",
    ...variables,
  };
  const logs: string[] = [];
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      ...unstable_getMiniflareWorkerOptions(config).workerOptions,
      ...overrides,
      name: "octavo",
      modules: [{ type: "ESModule", path: join(directory, "worker.js") }],
      modulesRoot: directory,
      bindings: Object.fromEntries(Object.entries(bindings).filter(([, value]) => value !== undefined)),
      // Otherwise, Miniflare downloads an example of the `cf` object.
      cf: false,
      handleStructuredLogs: ({ message }) => logs.push(String(message)),
    }),
  );
  atEnd(() => worker.dispose());
  const { origin } = await worker.ready;
  return { url: origin, logs: () => logs };
}
