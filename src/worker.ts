/** The entry for Cloudflare Workers: Neon over HTTP, configuration from bindings, the log to the console. */
import { createApp } from "./app.ts";
import { ConfigError, closedNotice, misspellings, parseConfig } from "./config.ts";
import { connectOver, direct } from "./db/connection.ts";
import { neonDriver } from "./db/neon.ts";
import type { App } from "./http/api.ts";
import { requestIdOf } from "./http/exchange.ts";
import { firstHeaders } from "./http/headers.ts";
import type { Log } from "./http/observe.ts";
import { Problem } from "./http/problem.ts";
import type { Limiter, Quota } from "./http/rate-limit.ts";
import { respond } from "./http/reply.ts";
import type { ReadDocs } from "./service/routes.ts";

/** Configuration, and the rate limiter and the static assets of wrangler.toml. */
type Bindings = Record<string, unknown> & {
  RATE_LIMITER?: RateLimiter;
  ASSETS: { fetch(url: string): Promise<Response> };
};

/** Cloudflare's binding: approximate, per location, and it tells no more than yes or no. */
interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** Made with the first request of an isolate, as bindings come with requests. It holds no connection. */
let app: Promise<App> | undefined;

// biome-ignore lint/suspicious/noConsole: the console is where Workers log
const log: Log = (event) => console.log(JSON.stringify(event));

// biome-ignore lint/suspicious/noConsole: see above
const warn = (sentence: string) => console.warn(sentence);

async function makeApp(bindings: Bindings): Promise<App> {
  for (const sentence of misspellings(bindings)) warn(sentence);
  const config = await parseConfig(bindings);
  const notice = closedNotice(config);
  if (notice) warn(notice);
  const driver = neonDriver({ url: config.databaseUrl, fetchEndpoint: config.neonFetchEndpoint });
  const limiter = bindingLimiter(bindings.RATE_LIMITER, config.rateLimit);
  return createApp({
    config,
    connect: connectOver(direct(driver)),
    limiter,
    log,
    readDocs: docsOf(bindings),
  });
}

function bindingLimiter(binding: RateLimiter | undefined, quota: Quota | undefined): Limiter | undefined {
  if (!binding || !quota) return undefined;
  return {
    quota,
    async count(key) {
      const { success } = await binding.limit({ key });
      return { admitted: success, reset: quota.seconds };
    },
  };
}

/** The binding looks at the path of the URL alone. */
function docsOf({ ASSETS }: Bindings): ReadDocs {
  return async (file) => {
    const response = await ASSETS.fetch(`https://assets.local/${file}`);
    if (!response.ok) throw new Error(`The assets answered ${response.status} for ${file}.`);
    // Whole, so that its length is told, as it is on the other runtimes.
    return new Uint8Array(await response.arrayBuffer());
  };
}

export default {
  async fetch(request: Request, bindings: Bindings): Promise<Response> {
    app ??= makeApp(bindings);
    try {
      // Cloudflare sets this header itself, whatever the client sends.
      const address = request.headers.get("CF-Connecting-IP") ?? undefined;
      return await (await app).fetch(request, { address });
    } catch (error) {
      if (error instanceof ConfigError) return misconfigured(error, request);
      throw error;
    }
  },
};

/** A Worker cannot refuse to start, so it refuses every request, and tells the faults to the log alone. */
function misconfigured(error: ConfigError, request: Request): Response {
  // biome-ignore lint/suspicious/noConsole: see above
  console.error(error.message);
  const headers = { "Retry-After": "60" };
  const problem = new Problem("service_unavailable", "The service is not configured.", { headers });
  const requestId = requestIdOf(request.headers);
  return respond(request, firstHeaders(requestId), problem.reply(requestId));
}
