import * as z from "zod";
import {
  AUTH_VARIABLES,
  authenticationOf,
  faultsOfAuthentication,
  noticesOf,
  type SignIn,
  signInOf,
} from "./http/auth/settings.ts";
import { isLoopback } from "./http/host.ts";
import {
  logSettingsOf,
  OBSERVE_VARIABLES,
  type TracingSettings,
  tracingSettingsOf,
} from "./http/observe-settings.ts";
import type { HttpSettings } from "./http/pipeline.ts";
import type { Quota } from "./http/rate-limit.ts";
import { MIB } from "./http/route.ts";
import { SHOP_VARIABLES, type Shop, shopOf } from "./pages/shop.ts";
import { StartupError } from "./startup-error.ts";

/** The configuration on every runtime, parsed from the environment. */
export interface Config extends HttpSettings {
  databaseUrl: string;
  /** Replicas of that database, to read from. */
  readUrls: string[];
  /** The seconds that a replica may be behind. */
  maxLag: number;
  /** Where Neon's driver sends queries; undefined for Neon itself. */
  neonFetchEndpoint: string | undefined;
  /** The most bytes of a file to import, decompressed. */
  importMaxBytes: number;
  /** The quota of a client; undefined if requests are not limited. */
  rateLimit: Quota | undefined;
  shop: Shop;
  /** The key of sessions at `/staff`; undefined where nobody can sign in. */
  sessionKey: Uint8Array<ArrayBuffer> | undefined;
  /** How people sign in at the identity provider; undefined where they cannot. */
  signIn: SignIn | undefined;
  /** Undefined if traces go nowhere. */
  tracing: TracingSettings | undefined;
}

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

/** What the operator should know about who may do what. */
export function accessNotices({
  authentication,
  sessionKey,
  signIn,
  publicUrl,
  databaseUrl,
}: Config): string[] {
  return [
    ...noticesOf(authentication),
    ...(authentication.mode !== "closed" && !sessionKey
      ? ["SESSION_KEY is not set, so nobody can sign in at /staff."]
      : []),
    ...(signIn && !publicUrl && !isOnLoopback(databaseUrl)
      ? ["AUTH_CLIENT_ID is set, but PUBLIC_URL is not: nobody can sign in at the identity provider."]
      : []),
  ];
}

/** Lists every fault of the configuration, with the names of its variables but never their values. */
export class ConfigError extends StartupError {
  override name = "ConfigError";
  /** Each begins with the name of its variable. */
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`The configuration is invalid: ${faults.join("; ")}.`);
    this.faults = faults;
  }
}

const DEFAULT_PORT = 8080;
const DEFAULT_MAX_LAG = 10;

/** The minimum length of a secret. */
export const MIN_SECRET_BYTES = 32;
const bytes = (value: string) => new TextEncoder().encode(value);

const secret = () =>
  z
    .string()
    .transform(bytes)
    .refine((value) => value.length >= MIN_SECRET_BYTES, `must have ${MIN_SECRET_BYTES} bytes or more`);

const hasProtocol = (value: string, ...protocols: string[]) =>
  URL.canParse(value) && protocols.includes(new URL(value).protocol);

/** Checks each part, because Neon's driver quotes a URL that it cannot use, password included. */
function isDatabaseUrl(value: string): boolean {
  if (!hasProtocol(value, "postgres:", "postgresql:")) return false;
  const { username, password, hostname, pathname } = new URL(value);
  return username !== "" && password !== "" && hostname !== "" && pathname.length > 1;
}

const listed = (value: string) => value.split(",").map((part) => part.trim());

const wholeNumber = (min: number, max: number, unit = "a whole number") =>
  z
    .string()
    .refine(
      (value) => /^\d{1,12}$/.test(value) && Number(value) >= min && Number(value) <= max,
      `must be ${unit}, ${min} to ${max}`,
    )
    .transform(Number);

const host = () =>
  z
    .string()
    .regex(/^[\w.:-]+$/, "must be a host name or an address")
    .default("127.0.0.1");

const rateLimit = (form: RegExp, windows: string) =>
  z
    .string()
    .regex(form, `must be off or requests/seconds, such as 600/60, with a window of ${windows} seconds`)
    .transform((value): Quota | undefined => {
      const [requests = 0, seconds = 0] = value.split("/").map(Number);
      return value === "off" ? undefined : { requests, seconds };
    })
    .prefault("600/60");

const Environment = z.object({
  DATABASE_URL: z.string().refine(isDatabaseUrl, "must have the form postgres://user:password@host/database"),
  DATABASE_READ_URL: z
    .string()
    .transform(listed)
    .refine(
      (urls) => urls.every(isDatabaseUrl),
      "must have the form postgres://user:password@host/database, several separated by commas",
    )
    .default([]),
  REPLICA_MAX_LAG: wholeNumber(1, 86_400, "seconds").default(DEFAULT_MAX_LAG),
  NEON_FETCH_ENDPOINT: z
    .string()
    .refine((value) => hasProtocol(value, "http:", "https:"), "must begin with https:// or http://")
    .optional(),
  CURSOR_KEY: secret().optional(),
  SESSION_KEY: secret().optional(),
  AUTH_SECRET: secret().optional(),
  ...AUTH_VARIABLES,
  PUBLIC_URL: z
    .string()
    .transform((value) => value.replace(/\/$/, ""))
    .refine(
      (value) => hasProtocol(value, "https:", "http:") && new URL(value).origin === value,
      "must be an origin, such as https://shop.example",
    )
    .optional(),
  ...SHOP_VARIABLES,
  ...OBSERVE_VARIABLES,
  RATE_LIMIT: rateLimit(/^(off|[1-9]\d{0,8}\/(10|60))$/, "10 or 60"),
  EDGE_CACHE_SECONDS: wholeNumber(0, 86_400, "seconds").default(0),
  REQUEST_TIMEOUT_MS: wholeNumber(100, 999_999, "milliseconds").default(10_000),
  IMPORT_MAX_BYTES: wholeNumber(1, 999_999_999_999, "bytes").default(1024 * MIB),
  CORS_ORIGINS: z
    .string()
    .transform(listed)
    .refine(
      (origins) => origins.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
      {
        error: "must be origins, such as https://shop.example, separated by commas",
      },
    )
    .default([]),
});

const processes = () =>
  z
    .string()
    .regex(/^(auto|[1-9]|[1-9]\d|1[01]\d|12[0-8])$/, "must be auto or a whole number, 1 to 128")
    .transform((value) => (value === "auto" ? value : Number(value)))
    .prefault("1");

/** Without parameters, which the client would take for options of its own. */
const isRedisUrl = (value: string) =>
  /^rediss?:\/\/[^/?#\s]+(\/\d{0,3})?$/.test(value) && URL.canParse(value);

const rateLimitStore = () =>
  z
    .string()
    .refine(
      (value) => ["memory", "postgres"].includes(value) || isRedisUrl(value),
      "must be memory, postgres, or the URL of a Redis such as redis://127.0.0.1:6379",
    )
    .default("memory");

const ServerEnvironment = Environment.extend({
  HOST: host(),
  PORT: wholeNumber(0, 65_535).default(DEFAULT_PORT),
  // A timer of more than 24 days fires at once.
  RATE_LIMIT: rateLimit(/^(off|[1-9]\d{0,8}\/[1-9]\d{0,4})$/, "1 to 99999"),
  RATE_LIMIT_STORE: rateLimitStore(),
  PROCESSES: processes(),
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

/** The names of the variables that {@link parseConfig} reads. */
export const WORKER_VARIABLES: readonly string[] = Object.keys(Environment.shape);

/** The names of the variables that {@link parseServerConfig} reads. */
export const SERVER_VARIABLES: readonly string[] = Object.keys(ServerEnvironment.shape);

/**
 * Parses the environment of a Worker. Empty variables count as absent.
 *
 * @param environment names and values; values other than strings (other bindings) are ignored
 * @throws ConfigError
 */
export async function parseConfig(environment: Record<string, unknown>): Promise<Config> {
  return configOf(parse(Environment, environment));
}

/**
 * Parses the environment of a server, as {@link parseConfig} does that of a Worker.
 *
 * @throws ConfigError
 */
export async function parseServerConfig(environment: Record<string, unknown>): Promise<ServerConfig> {
  const variables = parse(ServerEnvironment, environment);
  return {
    ...(await configOf(variables)),
    host: variables.HOST,
    port: variables.PORT,
    trustedProxyHops: variables.TRUSTED_PROXY_HOPS,
    transport: variables.DATABASE_TRANSPORT,
    poolSize: variables.DATABASE_POOL_SIZE,
    processes: variables.PROCESSES,
    rateLimitStore: variables.RATE_LIMIT_STORE,
    metrics: metricsAt(variables),
    logFormat: variables.LOG_FORMAT,
    shutdownDelay: variables.SHUTDOWN_DELAY_MS,
  };
}

function metricsAt({ METRICS_HOST: host, METRICS_PORT: port }: z.output<typeof ServerEnvironment>) {
  return port === undefined ? undefined : { host, port };
}

function parse<Variables extends z.ZodObject>(
  schema: Variables,
  environment: Record<string, unknown>,
): z.output<Variables> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "",
    ),
  );
  const parsed = schema.safeParse(given);
  const issues = parsed.error?.issues ?? [];
  const faults = [
    ...issues.map(
      ({ path: [name], message }) => `${String(name)} ${String(name) in given ? message : "is not set"}`,
    ),
    ...faultsOfCombination(given),
  ];
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  return parsed.data;
}

async function configOf(variables: z.output<typeof Environment>): Promise<Config> {
  return {
    databaseUrl: variables.DATABASE_URL,
    readUrls: variables.DATABASE_READ_URL,
    maxLag: variables.REPLICA_MAX_LAG,
    neonFetchEndpoint: variables.NEON_FETCH_ENDPOINT,
    cursorKey: variables.CURSOR_KEY ?? (await derivedKey("cursor", variables.DATABASE_URL)),
    sessionKey: variables.SESSION_KEY ?? (await localSessionKey(variables.DATABASE_URL)),
    signIn: signInOf(variables),
    authentication: authenticationOf(variables),
    rateLimit: variables.RATE_LIMIT,
    deadline: variables.REQUEST_TIMEOUT_MS,
    corsOrigins: variables.CORS_ORIGINS,
    edgeCacheSeconds: variables.EDGE_CACHE_SECONDS,
    importMaxBytes: variables.IMPORT_MAX_BYTES,
    publicUrl: variables.PUBLIC_URL,
    shop: shopOf(variables),
    tracing: tracingSettingsOf(variables),
    ...logSettingsOf(variables),
  };
}

function faultsOfCombination(given: Record<string, string>): string[] {
  const { DATABASE_URL, CURSOR_KEY, METRICS_PORT, PORT = `${DEFAULT_PORT}` } = given;
  const { DATABASE_READ_URL, EDGE_CACHE_SECONDS = 0, REPLICA_MAX_LAG = DEFAULT_MAX_LAG } = given;
  const isRemote = DATABASE_URL && isDatabaseUrl(DATABASE_URL) && !isOnLoopback(DATABASE_URL);
  return [
    ...(isRemote && !CURSOR_KEY
      ? ["CURSOR_KEY is not set; it is required unless the database is on loopback"]
      : []),
    ...(METRICS_PORT === PORT && METRICS_PORT !== "0"
      ? ["METRICS_PORT must differ from PORT, which is public"]
      : []),
    // What a cache takes from a replica is as old as that already.
    ...(DATABASE_READ_URL &&
    Number(EDGE_CACHE_SECONDS) > 0 &&
    Number(EDGE_CACHE_SECONDS) <= Number(REPLICA_MAX_LAG)
      ? ["EDGE_CACHE_SECONDS must be more than REPLICA_MAX_LAG, or 0"]
      : []),
    ...faultsOfAuthentication(given),
  ];
}

const isOnLoopback = (databaseUrl: string) => isLoopback(new URL(databaseUrl).hostname);

async function localSessionKey(databaseUrl: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return isOnLoopback(databaseUrl) ? derivedKey("session", databaseUrl) : undefined;
}

/** Derives a key from the database URL, so that all instances of one local database agree. */
async function derivedKey(
  purpose: "cursor" | "session",
  databaseUrl: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = bytes(`octavo ${purpose} key\0${databaseUrl}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", source));
}
