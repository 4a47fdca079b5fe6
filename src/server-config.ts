import * as z from "zod";
import { type Config, configOf, Environment, parseVariables, quota, wholeNumber } from "./config.ts";

/** The configuration of a server, on Node or Bun. */
export interface ServerConfig extends Config {
  host: string;
  /** 0 for any free port. */
  port: number;
  /** How many proxies in front add the client's address to X-Forwarded-For; undefined if not configured. */
  trustedProxyHops: number | undefined;
  /** The transport to the database: pooled Postgres connections, or Neon's HTTP. */
  transport: "tcp" | "http";
  /** The maximum number of connections in the pool of each process. */
  poolSize: number;
  /** How many processes answer; `auto` for one per core. */
  processes: number | "auto";
  /** Where quotas are counted: in each process, in the database, or at the URL of a Redis. */
  rateLimitStore: "memory" | "postgres" | (string & {});
  /** Where Prometheus reads; undefined if nowhere. */
  metrics: { host: string; port: number } | undefined;
  /** Undefined for text on a terminal, and JSON elsewhere. */
  logFormat: "json" | "text" | undefined;
  /** Milliseconds from the signal to stop, when /ready becomes 503, until the server stops listening. */
  shutdownDelay: number;
}

const DEFAULT_PORT = 8080;

const host = () =>
  z
    .string()
    .regex(/^[\w.:-]+$/, "must be a host name or an address")
    .default("127.0.0.1");

/** Without parameters, which the client would take for options of its own. */
const isRedisUrl = (value: string) =>
  /^rediss?:\/\/[^/?#\s]+(\/\d{0,3})?$/.test(value) && URL.canParse(value);

const ServerEnvironment = Environment.extend({
  HOST: host(),
  PORT: wholeNumber(0, 65_535).default(DEFAULT_PORT),
  // A timer of more than 24 days fires at once.
  RATE_LIMIT: quota(/^(off|[1-9]\d{0,8}\/[1-9]\d{0,4})$/, "1 to 99999"),
  RATE_LIMIT_STORE: z
    .string()
    .refine(
      (value) => ["memory", "postgres"].includes(value) || isRedisUrl(value),
      "must be memory, postgres, or the URL of a Redis such as redis://127.0.0.1:6379",
    )
    .default("memory"),
  PROCESSES: z
    .string()
    .regex(/^(auto|[1-9]|[1-9]\d|1[01]\d|12[0-8])$/, "must be auto or a whole number, 1 to 128")
    .default("1"),
  TRUSTED_PROXY_HOPS: wholeNumber(0, 10).optional(),
  DATABASE_TRANSPORT: z.enum(["tcp", "http"], "must be tcp or http").default("tcp"),
  DATABASE_POOL_SIZE: wholeNumber(1, 1000).default(10),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  METRICS_HOST: host(),
  LOG_FORMAT: z.enum(["json", "text"], "must be json or text").optional(),
  SHUTDOWN_DELAY_MS: wholeNumber(0, 300_000, "milliseconds").default(0),
  // Its protection relies on the Host header, which any client that reaches the port can forge.
  OPEN_LOCAL_WRITES: z.never("is allowed only in npm run dev").optional(),
});

/** The names of the variables that {@link parseServerConfig} reads. */
export const SERVER_VARIABLES: readonly string[] = Object.keys(ServerEnvironment.shape);

/**
 * Parses the environment of a server, as {@link parseConfig} does that of a Worker.
 *
 * @throws ConfigError
 */
export async function parseServerConfig(environment: Record<string, unknown>): Promise<ServerConfig> {
  const variables = parseVariables(ServerEnvironment, environment, faultsOfPorts);
  return {
    ...(await configOf(variables)),
    host: variables.HOST,
    port: variables.PORT,
    trustedProxyHops: variables.TRUSTED_PROXY_HOPS,
    transport: variables.DATABASE_TRANSPORT,
    poolSize: variables.DATABASE_POOL_SIZE,
    processes: variables.PROCESSES === "auto" ? "auto" : Number(variables.PROCESSES),
    rateLimitStore: variables.RATE_LIMIT_STORE,
    metrics: metricsAt(variables),
    logFormat: variables.LOG_FORMAT,
    shutdownDelay: variables.SHUTDOWN_DELAY_MS,
  };
}

function metricsAt({ METRICS_HOST: host, METRICS_PORT: port }: z.output<typeof ServerEnvironment>) {
  return port === undefined ? undefined : { host, port };
}

function faultsOfPorts({ METRICS_PORT, PORT = `${DEFAULT_PORT}` }: Record<string, string>): string[] {
  const isShared = METRICS_PORT === PORT && METRICS_PORT !== "0";
  return isShared ? ["METRICS_PORT must differ from PORT, which is public"] : [];
}
