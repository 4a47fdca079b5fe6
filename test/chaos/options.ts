/** The command lines of `npm run test:chaos` and `npm run test:soak`. */
import { parseArgs } from "node:util";
import { ALL_RUNTIMES, type Runtime } from "../support/servers.ts";

export interface ChaosOptions {
  minutes: number;
  runtimes: readonly Runtime[];
  /** Where the report goes, in Markdown. */
  report: string | undefined;
  /** A pattern of the names of the faults to try. */
  only: string;
  /** How long each client waits between two requests, in milliseconds; undefined for the program's own. */
  pause: number | undefined;
}

/** Ends the process with a sentence if the arguments are wrong. */
export function chaosOptions(args: string[], minutes = 10): ChaosOptions {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args,
      options: { minutes: text, runtimes: text, report: text, only: text, pause: text },
    });
    const given = Number(values.minutes ?? process.env.MINUTES ?? minutes);
    if (!(given > 0)) throw new Error("--minutes must be a number above 0.");
    const pause = values.pause === undefined ? undefined : Number(values.pause);
    if (pause !== undefined && !(pause >= 0)) throw new Error("--pause must be a number of milliseconds.");
    const runtimes = values.runtimes?.split(",") ?? ALL_RUNTIMES;
    const unknown = runtimes.find((name) => !ALL_RUNTIMES.includes(name as Runtime));
    if (unknown !== undefined) throw new Error(`--runtimes takes ${ALL_RUNTIMES.join(", ")}.`);
    return {
      minutes: given,
      runtimes: runtimes as readonly Runtime[],
      report: values.report,
      only: values.only ?? "",
      pause,
    };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}
