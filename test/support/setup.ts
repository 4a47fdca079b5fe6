/** Runs once before all tests: starts Postgres with a migrated template database and a Neon endpoint, and bundles the app. */
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { startNeonEndpoint } from "../../dev/neon-endpoint.ts";
import { startPostgres } from "../../dev/postgres.ts";
import { migrate } from "../../ops/migrations.ts";
import { wrangler, wranglerFlags } from "../../ops/wrangler.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The connection string of a maintenance database. */
    postgres: string;
    /** The URL of the Neon endpoint. */
    neon: string;
    /** The directory of the bundled Worker. */
    worker: string;
  }
}

export const TEMPLATE = "octavo_template";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ends: (() => Promise<void>)[] = [];
  const end = async () => {
    for (const task of ends.reverse()) await task();
  };
  try {
    const directory = await mkdtemp(join(tmpdir(), "octavo-test-"));
    // Processes that end meanwhile still write to their compile cache, so the removal may need another attempt.
    ends.push(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
    // The tests start hundreds of Node processes, most of which load the same modules.
    process.env.NODE_COMPILE_CACHE ??= join(directory, "compile-cache");
    // If root runs the tests, Postgres runs as another user, who needs access.
    await chmod(directory, 0o755);
    const parts = [
      startPostgres({
        directory: join(directory, "postgres"),
        flags: [
          "fsync=off",
          "full_page_writes=off",
          "synchronous_commit=off",
          "max_prepared_transactions=10",
          // Files run beside each other, and some open dozens of connections.
          "max_connections=300",
        ],
      }),
      // The Worker's configuration names the files that the build writes for /docs.
      run("dev/build.js").then(() => bundleWorker(join(directory, "worker"))),
      run("dev/client.ts"),
    ] as const;
    // Waits for all, because those that have not failed still write to the directory.
    const [started] = await Promise.allSettled(parts);
    if (started.status === "fulfilled") ends.push(started.value.stop);
    const [postgres, worker] = await Promise.all(parts);
    await postgres.createDatabase(TEMPLATE);
    await migrate(postgres.url(TEMPLATE));
    // Like max_connections above, for all files that run at the same time: the default is for one app.
    const neon = await startNeonEndpoint({ postgres: postgres.url("postgres"), maxConnections: 100 });
    ends.push(neon.close);
    project.provide("postgres", postgres.url("postgres"));
    project.provide("neon", neon.url);
    project.provide("worker", worker);
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

const run = (...args: string[]) => promisify(execFile)(process.execPath, args);

/** Bundles the Worker as a deployment does. The build must have run. */
export async function bundleWorker(directory: string): Promise<string> {
  const { file, environment } = wrangler();
  const flags = ["deploy", "--dry-run", ...wranglerFlags(), "--outdir", directory];
  await promisify(execFile)(process.execPath, [file, ...flags], { env: environment });
  return directory;
}
