/** What programs of tests that run by themselves have in common. */
import { end } from "./end.ts";

/** Runs a program, and ends what it has started, however it ends. */
export async function runProgram(main: () => Promise<void>): Promise<never> {
  // After a signal, the program itself fails too, because what it uses ends.
  let stopped: Promise<never> | undefined;
  const stop = (code: number) => (stopped ??= end().then(() => process.exit(code)));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop(130));
  process.once("uncaughtException", (error) => {
    console.error(error);
    return stop(1);
  });
  try {
    await main();
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
  return stop(Number(process.exitCode ?? 0));
}
