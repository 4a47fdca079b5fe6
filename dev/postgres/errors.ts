import type { ExecFileException } from "node:child_process";
import { StartupError } from "../../src/startup-error.ts";

/** The first error that a failed command reported, because later ones usually follow from it. */
export function firstErrorOf(error: unknown): string {
  const { stderr, message } = error as ExecFileException;
  return errorsIn(stderr || message)[0] ?? message;
}

/** The messages of the lines that report errors, or the last line if there are none. */
export function errorsIn(output: string): string[] {
  const lines = output.trim().split("\n");
  const reports = lines.filter((line) => /\b(FATAL|PANIC|error):/.test(line));
  return (reports.length > 0 ? reports : lines.slice(-1)).map((line) =>
    line.replace(/^.*?\b(FATAL|PANIC|error):\s*/, ""),
  );
}

/** Turns a failed system call into a sentence. Returns any other error, which is a defect, unchanged. */
export function asStartupError(error: unknown, directory: string): unknown {
  const { code, path = directory, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  const advice: Record<string, string> = {
    EACCES: `this user cannot access ${path}; run as its owner, or grant this user access`,
    EPERM: `this user cannot access ${path}; run as its owner, or grant this user access`,
    EROFS: `${path} is on a read-only file system`,
    ENOSPC: `the disk that holds ${path} is full`,
    ENOTDIR: `${path} is not a directory`,
    EEXIST: `${path} is not a directory`,
  };
  const reason = advice[code ?? ""] ?? (error as Error).message;
  return new StartupError(`Octavo cannot store its database in ${directory}: ${reason}.`);
}
