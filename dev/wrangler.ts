import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * The path of wrangler's command, and an environment in which it sends no requests to the network and opens no explorer,
 * which would show variables and requests to every page and user.
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
