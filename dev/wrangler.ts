import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Where wrangler's command is, and an environment in which it asks nothing of the network, and opens nothing to it: its
 * explorer would show variables and requests to every page and user.
 */
export function wrangler(): { file: string; environment: NodeJS.ProcessEnv } {
  const package_ = createRequire(import.meta.url).resolve("wrangler/package.json");
  return {
    file: join(dirname(package_), "bin", "wrangler.js"),
    environment: {
      ...process.env,
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      X_LOCAL_EXPLORER: "false",
      X_LOCAL_OBSERVABILITY: "false",
    },
  };
}
