/** The variables that say what is observed, and where it goes. */
import * as z from "zod";
import { LEVELS, type Level } from "./observe.ts";

export interface LogSettings {
  /** The lowest level that is logged. */
  logLevel: Level;
  /** Whether the log names subjects as tokens do, instead of by a digest. */
  plainSubjects: boolean;
}

export const OBSERVE_VARIABLES = {
  LOG_LEVEL: z.enum(LEVELS, `must be one of ${LEVELS.join(", ")}`).default("info"),
  LOG_SUBJECT: z.enum(["hashed", "plain"], "must be hashed or plain").default("hashed"),
};

export function logSettingsOf(variables: z.output<z.ZodObject<typeof OBSERVE_VARIABLES>>): LogSettings {
  return { logLevel: variables.LOG_LEVEL, plainSubjects: variables.LOG_SUBJECT === "plain" };
}

/** Whether an event of this level is logged. */
export const isLogged = (level: Level, { logLevel }: LogSettings): boolean =>
  LEVELS.indexOf(level) >= LEVELS.indexOf(logLevel);
