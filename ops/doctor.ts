/**
 * `npm run doctor`, or `node dist/doctor.js`: says what is wrong with the environment, the port, the database, the
 * identity provider and the store of quotas of a server, and what mends it. `--worker` examines a Worker instead, `--json` is for scripts. It
 * changes nothing.
 *
 * Exit codes: 0 without faults, warnings or not; 1 with faults; 2 if the arguments are wrong.
 */
import { parseArgs } from "node:util";
import { command } from "./command.ts";
import { examineAuthentication } from "./doctor/authentication.ts";
import { examineDatabase } from "./doctor/database.ts";
import { examineEnvironment } from "./doctor/environment.ts";
import type { Examination } from "./doctor/finding.ts";
import { examinePorts } from "./doctor/ports.ts";
import { examineQuotas } from "./doctor/quotas.ts";
import { examineReplicas } from "./doctor/replicas.ts";
import { isFine, jsonOf, textOf } from "./doctor/report.ts";
import { examineWorker } from "./doctor/worker.ts";

const USAGE = "Usage: npm run doctor [-- [--worker [--env NAME]] [--json]]";
const WRONG_ARGUMENTS = 2;
/** The default deadline of a request, in milliseconds. */
const DEADLINE = 10_000;

await command(async () => {
  const options = readOptions();
  if (!options) {
    process.stderr.write(`${USAGE}\n`);
    process.exitCode = WRONG_ARGUMENTS;
    return;
  }
  const examinations = options.worker ? await worker(options.env) : await server();
  const hasColours = process.stdout.isTTY && process.stdout.hasColors();
  process.stdout.write(options.json ? jsonOf(examinations) : textOf(examinations, hasColours));
  process.exitCode = isFine(examinations) ? 0 : 1;
});

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        worker: { type: "boolean", default: false },
        env: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const isNamed = values.env === undefined || (values.worker && /^[\w-]+$/.test(values.env));
    return isNamed ? values : undefined;
  } catch {
    return undefined;
  }
}

async function server(): Promise<Examination[]> {
  const { findings, config } = await examineEnvironment(process.env);
  const quotas = await examineQuotas(config);
  return [
    { area: "Environment", findings },
    { area: "Ports", findings: await examinePorts(config) },
    {
      area: "Database",
      findings: await examineDatabase(process.env.DATABASE_URL, config?.deadline ?? DEADLINE),
    },
    ...(config && config.readUrls.length > 0
      ? [{ area: "Replicas", findings: await examineReplicas(config) }]
      : []),
    { area: "Authentication", findings: await examineAuthentication(config) },
    ...(quotas.length > 0 ? [{ area: "Quotas", findings: quotas }] : []),
  ];
}

/** The database of a Worker is a secret there: DATABASE_URL of this shell is examined, if it is set. */
async function worker(environment: string | undefined): Promise<Examination[]> {
  const { findings, config } = await examineWorker(environment);
  const url = process.env.DATABASE_URL;
  return [
    { area: "Worker", findings },
    ...(url
      ? [{ area: "Database", findings: await examineDatabase(url, config?.deadline ?? DEADLINE) }]
      : []),
    { area: "Authentication", findings: await examineAuthentication(config) },
  ];
}
