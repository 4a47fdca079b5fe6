/**
 * `npm run deploy`: migrates the database of DATABASE_URL as its owner, then deploys the Worker with wrangler. `--env NAME`
 * selects an environment of wrangler.toml, `--grant ROLE` and `--wait SECONDS` are those of `db:migrate`, and `--dry-run`
 * says what would be done. Deployments of one database take turns, and one that broke off can be run again.
 */
import { parseArgs } from "node:util";
import { StartupError } from "../src/startup-error.ts";
import { command } from "./command.ts";
import { type DeployOptions, deploy } from "./deployment.ts";

const INTERRUPTED = 130;

await command(async () => {
  const options = readOptions();
  const url = process.env.DATABASE_URL;
  if (!url) {
    throw new StartupError(
      "DATABASE_URL is not set: it names the database of the Worker, with the role that owns it. Nothing was changed.",
    );
  }
  const deployment = deploy(url, options);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      process.stderr.write(`\nStopped. ${deployment.stop()}\n`);
      process.exit(INTERRUPTED);
    });
  }
  await deployment.done;
});

function readOptions(): DeployOptions {
  try {
    const { values } = parseArgs({
      options: {
        env: { type: "string" },
        grant: { type: "string" },
        wait: { type: "string", default: "60" },
        "dry-run": { type: "boolean", default: false },
      },
    });
    const { env: environment, grant: grantTo, wait, "dry-run": isDryRun } = values;
    const isNamed = environment === undefined || /^[\w-]+$/.test(environment);
    if (isNamed && grantTo !== "" && /^\d{1,5}$/.test(wait)) {
      return { environment, grantTo, wait: Number(wait), isDryRun };
    }
  } catch {
    // Falls through to the usage.
  }
  throw new StartupError("Usage: npm run deploy [-- --env NAME --grant ROLE --wait SECONDS --dry-run]");
}
