/** What the entries for Cloudflare Workers share: the configuration from bindings, quotas, the log on the console. */
import { createApp } from "../app.ts";
import { accessNotices, type Config, ConfigError, parseConfig, WORKER_VARIABLES } from "../config.ts";
import { connectOver, direct } from "../db/connection.ts";
import type { Driver } from "../db/ports.ts";
import { Replicas, replicatedReads } from "../db/replicas.ts";
import type { ReadAsset } from "../http/assets.ts";
import { type App, requestIdOf } from "../http/exchange.ts";
import { firstHeaders } from "../http/headers.ts";
import type { Log, RequestEvent } from "../http/observe.ts";
import { isLogged } from "../http/observe-settings.ts";
import { Problem } from "../http/problem.ts";
import type { Limiter, Quota } from "../http/rate-limit.ts";
import { respond } from "../http/reply.ts";
import { misspellings } from "../misspellings.ts";
import { type AnalyticsEngine, dataPointOf } from "./analytics.ts";
import { otlpTracing } from "./otlp.ts";
import { objectLimiter, type QuotaWindows } from "./quota-window.ts";

/** The variables and secrets of the configuration, and the bindings of wrangler.toml. */
export type Env = Record<string, unknown> & {
  RATE_LIMITER?: RateLimiter;
  RATE_LIMITER_DO?: QuotaWindows;
  METRICS?: AnalyticsEngine;
  ASSETS: { fetch(url: string): Promise<Response> };
};

/** Cloudflare's binding. It counts approximately, per location, and reports only whether a request is admitted. */
interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** The part of a request's time that counting it in a Durable Object may take. */
const COUNT_FRACTION = 1 / 20;

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

/** How a Worker reaches its database. */
interface Platform {
  /** The variables of the configuration. */
  variables(env: Env): Record<string, unknown>;
  /** @param url of the primary, or of a replica */
  openDriver(config: Config, url: string): Driver;
}

// biome-ignore lint/suspicious/noConsole: the console is where Workers log
const print = (event: RequestEvent) => console.log(JSON.stringify(event));

// biome-ignore lint/suspicious/noConsole: see above
const warn = (sentence: string) => console.warn(sentence);

async function makeApp(env: Env, { variables, openDriver }: Platform): Promise<App> {
  for (const sentence of misspellings(env, WORKER_VARIABLES)) warn(sentence);
  const config = await parseConfig(variables(env));
  for (const sentence of accessNotices(config)) warn(sentence);
  const log: Log = (event) => {
    env.METRICS?.writeDataPoint(dataPointOf(event));
    if (isLogged(event.level, config)) print(event);
  };
  const { reads, writes, replicas } = databaseOf(config, openDriver);
  return createApp({
    config,
    connect: connectOver({ reads, writes }),
    replicas,
    limiter: limiterOf(env, config),
    log,
    tracing: config.tracing && otlpTracing(config.tracing, warn),
    readAsset: assetsOf(env),
    // The types of browsers do not have it.
    entries: (caches as unknown as { default: Cache }).default,
  });
}

/** Milliseconds after which a replica in trouble is tried again. */
const RETRY_AFTER_MS = 5000;

/** The database with its replicas. Nothing runs between requests, so every read from a replica asks first how it stands. */
function databaseOf(config: Config, openDriver: Platform["openDriver"]) {
  const driver = openDriver(config, config.databaseUrl);
  if (config.readUrls.length === 0) return { ...direct(driver), replicas: undefined };
  const opened = config.readUrls.map((url) => {
    const driver = openDriver(config, url);
    return { name: new URL(url).host, driver, reads: direct(driver).reads };
  });
  const replicas = new Replicas(opened, { maxLag: config.maxLag, tell: warn, retryAfter: RETRY_AFTER_MS });
  const { reads, writes } = direct(driver, replicas.onPosition);
  return { reads: replicatedReads(reads, replicas), writes, replicas };
}

/** Durable Objects count if they are bound, and the approximate binding otherwise and while they fail. */
function limiterOf(env: Env, { rateLimit: quota, deadline }: Config): Limiter | undefined {
  const fallback = bindingLimiter(env.RATE_LIMITER, quota);
  if (!env.RATE_LIMITER_DO || !quota) return fallback;
  return objectLimiter(env.RATE_LIMITER_DO, quota, { fallback, timeout: deadline * COUNT_FRACTION });
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

/** The binding uses only the path of the URL. */
function assetsOf({ ASSETS }: Env): ReadAsset {
  return async (path) => {
    const response = await ASSETS.fetch(`https://assets.local/${path}`);
    if (!response.ok) throw new Error(`The assets binding responded with ${response.status} for ${path}.`);
    // Read in full, so that the response has a Content-Length as on the other runtimes.
    return new Uint8Array(await response.arrayBuffer());
  };
}

/** Makes the handler of a Worker's requests. */
export function workerOn(platform: Platform) {
  // Created on the first request of an isolate, because bindings come with requests. It holds no connection.
  let app: Promise<App> | undefined;
  return {
    async fetch(request: Request, env: Env, context: Context): Promise<Response> {
      app ??= makeApp(env, platform);
      try {
        // Cloudflare sets this header itself and overwrites what the client sends.
        const address = request.headers.get("CF-Connecting-IP") ?? undefined;
        // Cloudflare compresses by itself, and replaces this header. Another Worker cannot read what this one compresses.
        const acceptEncoding = "";
        const waitUntil = (work: Promise<unknown>) => context.waitUntil(work);
        return await (await app).fetch(request, { address, acceptEncoding, waitUntil });
      } catch (error) {
        if (error instanceof ConfigError) return misconfigured(error, request);
        throw error;
      }
    },
  };
}

/** A Worker cannot refuse to start, so it rejects every request, and lists the faults only in the log. */
function misconfigured(error: ConfigError, request: Request): Response {
  // biome-ignore lint/suspicious/noConsole: see above
  console.error(error.message);
  const headers = { "Retry-After": "60" };
  const problem = new Problem("service_unavailable", "The service is not configured.", { headers });
  const requestId = requestIdOf(request.headers);
  return respond(request, firstHeaders(requestId), problem.reply(requestId));
}
