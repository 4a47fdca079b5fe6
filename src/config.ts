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

/** The text of a whole number. */
export const wholeNumber = (min: number, max: number, unit = "a whole number") =>
  z
    .string()
    .refine(
      (value) => /^\d{1,12}$/.test(value) && Number(value) >= min && Number(value) <= max,
      `must be ${unit}, ${min} to ${max}`,
    )
    .transform(Number);

/** The text of a quota. */
export const quota = (form: RegExp, windows: string) =>
  z
    .string()
    .regex(form, `must be off or requests/seconds, such as 600/60, with a window of ${windows} seconds`)
    .transform((value): Quota | undefined => {
      const [requests = 0, seconds = 0] = value.split("/").map(Number);
      return value === "off" ? undefined : { requests, seconds };
    })
    .prefault("600/60");

/** The variables of every runtime. */
export const Environment = z.object({
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
  RATE_LIMIT: quota(/^(off|[1-9]\d{0,8}\/(10|60))$/, "10 or 60"),
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

/** The names of the variables that {@link parseConfig} reads. */
export const WORKER_VARIABLES: readonly string[] = Object.keys(Environment.shape);

/**
 * Parses the environment of a Worker.
 *
 * @throws ConfigError
 */
export async function parseConfig(environment: Record<string, unknown>): Promise<Config> {
  return configOf(parseVariables(Environment, environment));
}

/**
 * Parses variables. Empty ones count as absent, and values other than strings (bindings) are ignored.
 *
 * @param moreFaultsOf checks combinations beyond those of every runtime
 * @throws ConfigError
 */
export function parseVariables<Variables extends z.ZodObject>(
  schema: Variables,
  environment: Record<string, unknown>,
  moreFaultsOf: (given: Record<string, string>) => string[] = () => [],
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
    ...moreFaultsOf(given),
  ];
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  return parsed.data;
}

/** The configuration that the variables of every runtime make. */
export async function configOf(variables: z.output<typeof Environment>): Promise<Config> {
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
  const { DATABASE_URL, CURSOR_KEY } = given;
  const { DATABASE_READ_URL, EDGE_CACHE_SECONDS = 0, REPLICA_MAX_LAG = DEFAULT_MAX_LAG } = given;
  const isRemote = DATABASE_URL && isDatabaseUrl(DATABASE_URL) && !isOnLoopback(DATABASE_URL);
  return [
    ...(isRemote && !CURSOR_KEY
      ? ["CURSOR_KEY is not set; it is required unless the database is on loopback"]
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
