import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { atEnd } from "../support/end.ts";

/**
 * Bundles the entries of all runtimes with the streaming app, and removes the bundles when the test file ends.
 *
 * @returns a directory with `dist/node.js`, `dist/bun.js` and `worker/worker.js`
 */
export async function bundleStreamingApp(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "octavo-streams-"));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  const options = {
    bundle: true,
    format: "esm",
    target: "node20",
    plugins: [
      {
        name: "streaming app",
        setup: ({ onResolve }) =>
          onResolve({ filter: /\/app\.ts$/ }, () => ({ path: join(import.meta.dirname, "app.ts") })),
      },
    ],
  } satisfies Parameters<typeof build>[0];
  await Promise.all([
    build({
      ...options,
      entryPoints: ["src/runtimes/node.ts", "src/runtimes/bun.ts"],
      outdir: join(directory, "dist"),
      platform: "node",
      external: ["pg-native"],
      banner: {
        js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
      },
    }),
    build({
      ...options,
      entryPoints: ["src/worker.ts"],
      outdir: join(directory, "worker"),
      conditions: ["workerd", "worker", "browser"],
      external: ["cloudflare:*"],
    }),
  ]);
  return directory;
}
