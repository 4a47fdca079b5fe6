/** The Worker that wrangler.toml describes, and the secrets that Cloudflare has of it. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Config, ConfigError, parseConfig } from "../../src/config.ts";
import { readWranglerConfig, runWrangler, type WranglerConfig, wranglerFlags } from "../wrangler.ts";
import { bindingFindings } from "./bindings.ts";
import { misspellingsIn } from "./environment.ts";
import { count, type Finding, fault, ok } from "./finding.ts";
import { hyperdriveFindings } from "./hyperdrive.ts";

/** Stand for the values of secrets, which nobody can read again. */
const HIDDEN: Record<string, string> = {
  DATABASE_URL: "postgres://hidden:hidden@hidden.invalid/hidden",
  DATABASE_READ_URL: "postgres://hidden:hidden@hidden.invalid/hidden",
  CURSOR_KEY: "hidden".repeat(6),
  SESSION_KEY: "hidden".repeat(6),
  AUTH_SECRET: "hidden".repeat(6),
};
const SECRETS = Object.keys(HIDDEN);
const FILE = "wrangler.toml";

/** Cloudflare's code for a Worker that does not exist. */
const NOT_DEPLOYED = /\b10007\b/;

type Examined = { findings: Finding[]; config?: Config };

/** @param environment the name of a wrangler environment */
export async function examineWorker(environment: string | undefined): Promise<Examined> {
  if (!existsSync(FILE)) {
    const sentence = `There is no ${FILE} in this folder.`;
    return { findings: [fault("wrangler.toml", sentence, "Run the command in the checkout of Octavo.")] };
  }
  const wrangler = await readWranglerConfig(FILE, environment);
  if (typeof wrangler === "string") {
    return { findings: [fault("wrangler.toml", wrangler, `Correct ${FILE}, or run npm ci.`)] };
  }
  const findings = [
    ok("wrangler.toml", `${FILE} describes the Worker ${wrangler.name}.`),
    ...fileFindings(wrangler, environment),
    ...(await hyperdriveFindings(wrangler)),
  ];
  const secrets = await secretsOf(environment);
  if (!Array.isArray(secrets)) return { findings: [...findings, secrets] };
  const examined = await examineVariables(wrangler, secrets, environment);
  return { ...examined, findings: [...findings, ...examined.findings] };
}

function fileFindings(config: WranglerConfig, environment: string | undefined): Finding[] {
  const { vars, assets } = config;
  const revealed = SECRETS.filter((name) => name in vars);
  const folder = assets?.directory;
  return [
    ...revealed.map((name) =>
      fault(
        "secrets",
        `${name} is in ${FILE}, where everybody who has the code reads it.`,
        `Remove it there. ${putOf(name, environment)}`,
      ),
    ),
    ...(folder && !existsSync(resolve(folder))
      ? [fault("assets", `The folder ${folder} with the files of pages does not exist.`, "npm run build")]
      : []),
    ...bindingFindings(config),
  ];
}

const putOf = (name: string, environment: string | undefined) =>
  `npx wrangler secret put ${name}${environment === undefined ? "" : ` --env ${environment}`}`;

async function secretsOf(environment: string | undefined): Promise<string[] | Finding> {
  const flags = ["--format", "json", ...wranglerFlags(environment)];
  const { code, stdout, stderr } = await runWrangler(["secret", "list", ...flags]);
  if (code === 0) return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
  // A Worker that was never deployed has none.
  if (NOT_DEPLOYED.test(stdout + stderr)) return [];
  return fault(
    "secrets",
    "Cloudflare does not tell the secrets of the Worker.",
    "Log in: npx wrangler login, or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.",
  );
}

async function examineVariables(
  { vars, hyperdrive }: WranglerConfig,
  secrets: string[],
  environment: string | undefined,
): Promise<Examined> {
  const hidden = Object.fromEntries(secrets.map((name) => [name, HIDDEN[name] ?? ""]));
  // A binding of Hyperdrive has the connection string.
  const bound = hyperdrive?.length ? { DATABASE_URL: HIDDEN.DATABASE_URL } : {};
  const variables = { ...vars, ...bound, ...hidden };
  const findings = misspellingsIn(variables);
  try {
    const config = await parseConfig(variables);
    findings.unshift(
      ok("secrets", `The Worker has ${count(secrets.length, "secret")}, and all that it needs.`),
    );
    return { findings, config };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.faults.map((sentence) => {
      const [name = ""] = sentence.split(" ");
      const remedy = SECRETS.includes(name)
        ? putOf(name, environment)
        : `Correct ${name} in [vars] of ${FILE}.`;
      return fault(SECRETS.includes(name) ? "secrets" : name, `${sentence}.`, remedy);
    });
    return { findings: [...faults, ...findings] };
  }
}
