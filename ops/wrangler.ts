/** Wrangler, which is a development dependency: commands find it at run time, and do without it on servers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { StartupError } from "../src/startup-error.ts";

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

/** Selects an environment of wrangler.toml. An empty name says aloud that it is the top level. */
export const wranglerFlags = (environment = ""): string[] => [`--env=${environment}`];

/**
 * Runs a command of wrangler without a terminal, so that it asks nothing.
 *
 * @param onOutput receives the output as it comes
 * @param signal ends wrangler when it aborts
 * @throws StartupError if wrangler is not installed
 */
export async function runWrangler(
  args: string[],
  onOutput: (text: string) => void = () => {},
  signal?: AbortSignal,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { file, environment } = installed();
  const child = spawn(process.execPath, [file, ...args], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  signal?.addEventListener("abort", () => child.kill());
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      onOutput(text);
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...texts };
}

function installed(): ReturnType<typeof wrangler> {
  try {
    return wrangler();
  } catch {
    throw new StartupError("Wrangler is not installed: run npm ci with the development dependencies.");
  }
}

/** What commands read of wrangler.toml. */
export interface WranglerConfig {
  name: string | undefined;
  vars: Record<string, unknown>;
  assets?: { directory?: string } | undefined;
  ratelimits?: { simple: { limit: number; period: number } }[] | undefined;
  durable_objects?: { bindings: { name: string; class_name: string }[] };
  migrations?: { new_sqlite_classes?: string[] }[];
  hyperdrive?: { binding: string; id: string }[];
  route?: unknown;
  routes?: unknown[] | undefined;
}

/**
 * Reads a configuration file as wrangler does.
 *
 * @returns the configuration, or a sentence about what is wrong with the file
 */
export async function readWranglerConfig(
  file: string,
  environment: string | undefined,
): Promise<WranglerConfig | string> {
  const module_ = createRequire(installed().file).resolve("wrangler");
  const { unstable_readConfig: read }: typeof import("wrangler") = await import(pathToFileURL(module_).href);
  try {
    const config = read(
      { config: file, ...(environment !== undefined && { env: environment }) },
      { hideWarnings: true },
    );
    const isUnknown = environment !== undefined && !config.definedEnvironments?.includes(environment);
    return isUnknown ? `${file} has no environment ${environment}.` : (config as WranglerConfig);
  } catch (error) {
    const reason = (error as Error).message.replaceAll(/\s+/g, " ").trim().replace(/\.?$/, ".");
    return `Wrangler cannot read ${file}: ${reason}`;
  }
}
