/**
 * Runs the Worker of `npm run dev` with wrangler, in a process that ends with its parent. It receives its settings as a
 * message, because every user of the machine can read command-line arguments.
 */
import { once } from "node:events";
import { devNull } from "node:os";
import { fileURLToPath } from "node:url";
import { unstable_startWorker as startWorker } from "wrangler";
import type { Locate } from "../src/runtimes/log-text.ts";
import { formatLine, locateBy } from "./log.ts";

export interface Settings {
  host: string;
  port: number;
  variables: Record<string, string>;
  /** Whether debuggers may connect. */
  inspect: boolean;
}

/** The message to the parent when the Worker listens. */
export interface Listening {
  inspector: string | undefined;
}

process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
// The parent may have ended while wrangler was loading.
if (!process.connected) process.exit(1);
const [{ host, port, variables, inspect }] = (await once(process, "message")) as [Settings];
let locate: Locate | undefined;

try {
  const worker = await startWorker({
    config: fileURLToPath(new URL("../wrangler.toml", import.meta.url)),
    bindings: Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, { type: "secret_text", value }] as const),
    ),
    // Ignores .dev.vars and .env, which may belong to other tools.
    envFiles: [devNull],
    // Keeps names readable in stacks.
    build: { minify: false },
    dev: {
      server: { hostname: host, port },
      inspector: inspect && { hostname: host },
      // Otherwise the Host of every request would be that of a deployment's first route.
      inferOriginFromRoutes: false,
      remote: false,
      persist: false,
      structuredLogsHandler: ({ message }: { message: string }) =>
        console.log(process.stdout.isTTY ? formatLine(message, locate) : message),
    },
  });
  worker.raw.on("error", fail);
  worker.raw.on("reloadComplete", ({ bundle }: { bundle: { sourceMapPath?: string } }) => {
    if (locate) console.error("The Worker was reloaded.");
    if (bundle.sourceMapPath) locate = locateBy(bundle.sourceMapPath);
  });
  await worker.ready;
  process.send?.({ inspector: (await worker.inspectorUrl)?.href } satisfies Listening);
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  const { cause = error } = error as Error;
  console.error(cause instanceof Error ? cause.message : cause);
  process.exit(1);
}
