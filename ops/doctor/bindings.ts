/** The bindings of wrangler.toml, as far as wrangler itself does not check that they fit the Worker. */
import type { WranglerConfig } from "../wrangler.ts";
import { type Finding, fault, warning } from "./finding.ts";

export const bindingFindings = (config: WranglerConfig): Finding[] => [
  ...quotaFindings(config),
  ...objectFindings(config),
  ...cacheFindings(config),
];

function quotaFindings({ vars, ratelimits }: WranglerConfig): Finding[] {
  const [limit] = ratelimits ?? [];
  const quota = limit && `${limit.simple.limit}/${limit.simple.period}`;
  const told = `${vars.RATE_LIMIT || "600/60"}`;
  if (!quota || told === quota || told === "off") return [];
  const sentence = `The binding admits ${quota} requests, but the app tells clients ${told}.`;
  return [warning("quota", sentence, `Set RATE_LIMIT = "${quota}" in [vars].`)];
}

/** The class that `src/worker.ts` exports for quotas. */
const CLASS = "QuotaWindow";

function objectFindings({ durable_objects, migrations = [] }: WranglerConfig): Finding[] {
  const bound = durable_objects?.bindings.find(({ name }) => name === "RATE_LIMITER_DO");
  if (!bound) return [];
  if (bound.class_name !== CLASS) {
    const sentence = `RATE_LIMITER_DO is bound to the class ${bound.class_name}, which cannot count quotas.`;
    return [fault("objects", sentence, `Set class_name = "${CLASS}".`)];
  }
  if (migrations.some(({ new_sqlite_classes: classes }) => classes?.includes(CLASS))) return [];
  const sentence = `No migration in wrangler.toml makes the storage of ${CLASS}.`;
  return [fault("objects", sentence, `Add [[migrations]] with new_sqlite_classes = ["${CLASS}"].`)];
}

/** https://developers.cloudflare.com/workers/runtime-apis/cache/ */
function cacheFindings({ vars, route, routes }: WranglerConfig): Finding[] {
  const isOff = Number(vars.EDGE_CACHE_SECONDS || 0) === 0;
  if (isOff || route || routes?.length) return [];
  const sentence = "EDGE_CACHE_SECONDS is set, but on workers.dev Cloudflare's cache keeps nothing.";
  return [warning("cache", sentence, "Give the Worker a domain of your own: routes in wrangler.toml.")];
}
