import { inject } from "vitest";
import { createTestHarness } from "wrangler";
import type { TestDatabase } from "./database.ts";
import { atEnd } from "./end.ts";

/** The Worker in workerd, as `wrangler dev` runs it, with bindings of the test's own. */
export interface TestWorker {
  url: string;
  /** Everything logged so far, a text per line. */
  logs(): string[];
}

/**
 * Starts the bundled Worker on a database; bindings that are undefined are left out.
 *
 * @param config what to read instead of wrangler.toml
 * @param directory of the bundled Worker, if not the product's
 * @param services names of Workers, this one among them, that take the place of other bindings
 */
export async function startWorker(
  database: TestDatabase,
  bindings: Record<string, string | undefined> = {},
  {
    config = "wrangler.toml",
    services = {},
    directory = inject("worker"),
  }: { config?: string; services?: Record<string, string>; directory?: string } = {},
): Promise<TestWorker> {
  const given = {
    DATABASE_URL: database.url,
    NEON_FETCH_ENDPOINT: inject("neon"),
    RATE_LIMIT: "off",
    ...bindings,
  };
  const vars = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const harness = createTestHarness({
    workers: [{ configPath: config, prebuiltWorkerDir: directory, vars, bindingOverrides: services }],
  });
  const { url } = await harness.listen();
  atEnd(() => harness.close());
  return { url: url.origin, logs: () => harness.getLogs().map(({ message }) => String(message)) };
}
