/** The variables of a server, checked by the schemas with which it starts. */
import { ConfigError } from "../../src/config.ts";
import { usesProvider } from "../../src/http/auth/settings.ts";
import { misspellings } from "../../src/misspellings.ts";
import { parseServerConfig, SERVER_VARIABLES, type ServerConfig } from "../../src/server-config.ts";
import { hasEmbedded } from "../database.ts";
import { count, type Finding, fault, ok, warning } from "./finding.ts";

export type Environment = Record<string, string | undefined>;

/** Stand for what `npm start` makes for the embedded database: a password, and a secret unless there is a provider. */
const EMBEDDED_URL = "postgres://octavo:embedded@127.0.0.1/octavo";
const EMBEDDED_SECRET = "embedded".repeat(4);

/** @returns the findings, and the configuration if it is valid */
export async function examineEnvironment(
  environment: Environment,
): Promise<{ findings: Finding[]; config?: ServerConfig }> {
  const isEmbedded = !environment.DATABASE_URL && (await hasEmbedded());
  const variables = isEmbedded ? embedded(environment) : environment;
  const findings = misspellingsIn(environment);
  try {
    const config = await parseServerConfig(variables);
    const given = SERVER_VARIABLES.filter((name) => environment[name]).length;
    findings.unshift(ok("variables", `${count(given, "variable")} of Octavo set, and valid.`));
    return { findings, config };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { findings: [...error.faults.map(variableFault), ...findings] };
  }
}

function embedded(environment: Environment): Environment {
  const hasAuthentication = usesProvider(environment) || environment.AUTH_SECRET;
  const secret = hasAuthentication ? {} : { AUTH_SECRET: EMBEDDED_SECRET };
  return { ...environment, ...secret, DATABASE_URL: EMBEDDED_URL };
}

/** Variables that are probably misspelled. */
export const misspellingsIn = (variables: Record<string, unknown>): Finding[] =>
  misspellings(variables, SERVER_VARIABLES).map((sentence) => {
    const [name = ""] = sentence.split(" ");
    return warning("misspelling", sentence, `Rename ${name}, or remove it.`);
  });

const SECRET = "openssl rand -hex 32";
const REMEDIES: Record<string, string> = {
  DATABASE_URL:
    "Set DATABASE_URL=postgres://USER:PASSWORD@HOST/DATABASE. Encode special characters of the password.",
  CURSOR_KEY: `Set CURSOR_KEY to the output of ${SECRET}, the same on every instance.`,
  SESSION_KEY: `Set SESSION_KEY to the output of ${SECRET}, the same on every instance.`,
  AUTH_SECRET: `Set AUTH_SECRET to the output of ${SECRET}, the same on every instance.`,
  OPEN_LOCAL_WRITES: "Unset OPEN_LOCAL_WRITES.",
};

function variableFault(sentence: string): Finding {
  const [name = ""] = sentence.split(" ");
  const remedy = REMEDIES[name] ?? `Change ${name} or unset it; docs/configuration.md has its default.`;
  return fault(name, `${sentence}.`, remedy);
}
