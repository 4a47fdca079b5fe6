/**
 * The Worker of `npm run dev`, by wrangler, in a process of its own that ends with its parent. What it is to run with
 * comes as a message: every user of the machine can read arguments.
 */
import { once } from "node:events";
import { devNull } from "node:os";
import { fileURLToPath } from "node:url";
import { unstable_startWorker as startWorker } from "wrangler";
import { forPeople, type Locate, locateBy } from "./log.ts";

export interface Settings {
  host: string;
  port: number;
  variables: Record<string, string>;
  /** Whether debuggers may connect. */
  inspect: boolean;
}

/** Sent when the Worker listens. */
export interface Listening {
  inspector: string | undefined;
}

process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
// The parent may have ended while wrangler was loaded.
if (!process.connected) process.exit(1);
const [{ host, port, variables, inspect }] = (await once(process, "message")) as [Settings];
let locate: Locate | undefined;

try {
  const worker = await startWorker({
    config: fileURLToPath(new URL("../wrangler.toml", import.meta.url)),
    bindings: Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, { type: "secret_text", value }] as const),
    ),
    // Instead of .dev.vars and .env, where other tools have theirs.
    envFiles: [devNull],
    // Its stacks are for people.
    build: { minify: false },
    dev: {
      server: { hostname: host, port },
      inspector: inspect && { hostname: host },
      // Else the Host of every request would be that of a deployment's first route.
      inferOriginFromRoutes: false,
      remote: false,
      persist: false,
      structuredLogsHandler: ({ message }: { message: string }) =>
        console.log(process.stdout.isTTY ? forPeople(message, locate) : message),
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
