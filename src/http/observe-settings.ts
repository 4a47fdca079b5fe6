/** The variables that say what is observed, and where it goes. */
import * as z from "zod";
import { LEVELS, type Level } from "./observe.ts";

export interface LogSettings {
  /** The lowest level that is logged. */
  logLevel: Level;
  /** Whether the log names subjects as tokens do, instead of by a digest. */
  plainSubjects: boolean;
}

export interface TracingSettings {
  /** Where the collector takes spans. */
  url: string;
  /** What it wants to be sent, such as a key. */
  headers: Record<string, string>;
  serviceName: string;
  /** The share of the traces beginning here that are recorded. */
  ratio: number;
}

/** `name=value`, percent-encoded; names are those of HTTP (RFC 9110, 5.6.2). */
const HEADER = /^\s*[\w!#$%&'*+.^`|~-]+\s*=\s*[\x21-\x2b\x2d-\x7e]+\s*$/;

const isHeaders = (text: string) => text.split(",").every((pair) => HEADER.test(pair) && isDecodable(pair));

function isDecodable(text: string): boolean {
  try {
    return /^[\x20-\x7e]*$/.test(decodeURIComponent(text));
  } catch {
    return false;
  }
}

const headersIn = (text: string) =>
  Object.fromEntries(
    text.split(",").map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
    }),
  );

const isEndpoint = (text: string) =>
  URL.canParse(text) && /^https?:\/\/[^/?#@]+[^?#@]*$/.test(text) && new URL(text).username === "";

/** The names are those of OpenTelemetry (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). */
const TRACING_VARIABLES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .refine(isEndpoint, "must be the http:// or https:// URL of a collector, without a user name or password")
    .transform((text) => `${text.replace(/\/$/, "")}/v1/traces`)
    .optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .refine(isHeaders, "must be pairs such as api-key=secret, percent-encoded and separated by commas")
    .transform(headersIn)
    .optional(),
  OTEL_SERVICE_NAME: z
    .string()
    .regex(/^[\w./-]{1,100}$/, "must be a name of letters, digits and _ . / -")
    .default("octavo"),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|0?\.\d{1,9}|1\.0+)$/, "must be a share from 0 to 1, such as 0.1")
    .transform(Number)
    .default(1),
};

export const OBSERVE_VARIABLES = {
  LOG_LEVEL: z.enum(LEVELS, `must be one of ${LEVELS.join(", ")}`).default("info"),
  LOG_SUBJECT: z.enum(["hashed", "plain"], "must be hashed or plain").default("hashed"),
  ...TRACING_VARIABLES,
};

type Variables = z.output<z.ZodObject<typeof OBSERVE_VARIABLES>>;

/** @returns undefined if traces go nowhere */
export function tracingSettingsOf(variables: Variables): TracingSettings | undefined {
  const url = variables.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (url === undefined) return undefined;
  return {
    url,
    headers: variables.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    serviceName: variables.OTEL_SERVICE_NAME,
    ratio: variables.OTEL_TRACES_SAMPLER_ARG,
  };
}

export function logSettingsOf(variables: Variables): LogSettings {
  return { logLevel: variables.LOG_LEVEL, plainSubjects: variables.LOG_SUBJECT === "plain" };
}

/** Whether an event of this level is logged. */
export const isLogged = (level: Level, { logLevel }: LogSettings): boolean =>
  LEVELS.indexOf(level) >= LEVELS.indexOf(logLevel);
