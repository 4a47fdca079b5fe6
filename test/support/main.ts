/** What programs of tests that run by themselves have in common. */
import { end } from "./end.ts";

const SIGNALS: (string | symbol)[] = ["SIGINT", "SIGTERM"];

/** Runs a program, and ends what it has started, however it ends. */
export async function runProgram(main: () => Promise<void>): Promise<never> {
  // After a signal, the program itself fails too, because what it uses ends.
  let stopped: Promise<never> | undefined;
  const stop = (code: number) => (stopped ??= end().then(() => process.exit(code)));
  for (const signal of SIGNALS) process.once(signal as NodeJS.Signals, () => stop(130));
  // Miniflare's would exit at once. Its Worker ends with the rest.
  process.on("newListener", (event, listener) => {
    if (SIGNALS.includes(event)) queueMicrotask(() => process.off(event, listener));
  });
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
