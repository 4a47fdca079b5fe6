/** Runs Workers in workerd directly, without wrangler in front. */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DATA } from "../ops/data.ts";
import { type Server, startServer } from "./servers.ts";

// workerd comes with wrangler.
const requireOfWrangler = createRequire(createRequire(import.meta.url).resolve("wrangler/package.json"));
export const { default: WORKERD } = requireOfWrangler("workerd") as { default: string };

/** The bundle for a deployment, which `npm run check` builds. */
export const WORKER = fileURLToPath(new URL("../dist/worker/worker.js", import.meta.url));

const CACHE_STORE = fileURLToPath(new URL("./cache-store.js", import.meta.url));

const capnp = (text: string) => JSON.stringify(text);

/** Starts a Worker with text bindings and a cache in memory. It may connect to loopback. */
export async function startWorkerd(
  name: string,
  script: string,
  bindings: Record<string, string>,
): Promise<Server> {
  const directory = join(DATA, "bench", "workerd", name);
  await mkdir(directory, { recursive: true });
  await copyFile(script, join(directory, "worker.js"));
  await copyFile(CACHE_STORE, join(directory, "cache.js"));
  const toml = await readFile(new URL("../wrangler.toml", import.meta.url), "utf8");
  const [, date = ""] = toml.match(/^compatibility_date = "(.*)"$/m) ?? [];
  const [, flags = "[]"] = toml.match(/^compatibility_flags = (.*)$/m) ?? [];
  const texts = Object.entries(bindings).map(
    ([name, text]) => `(name = ${capnp(name)}, text = ${capnp(text)})`,
  );
  const config = join(directory, "config.capnp");
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "cache", worker = .cache),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = ${capnp(date)},
  compatibilityFlags = ${flags},
  bindings = [${texts.join(", ")}],
  cacheApiOutbound = "cache",
);
const cache :Workerd.Worker = (
  modules = [(name = "cache.js", esModule = embed "cache.js")],
  compatibilityDate = ${capnp(date)},
);
`,
    { mode: 0o600 },
  );
  return startServer(name, (port) => ({
    file: WORKERD,
    args: ["serve", config, `--socket-addr=http=127.0.0.1:${port}`],
  }));
}
