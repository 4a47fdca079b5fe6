import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of `dist/` to its end, in an environment of these variables alone. */
export function runBuilt(
  name: string,
  args: string[] = [],
  variables: NodeJS.ProcessEnv = {},
  cwd = process.cwd(),
): Promise<Outcome> {
  const ran = promisify(execFile)(process.execPath, [`dist/${name}.js`, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...variables },
  });
  return ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Outcome) => ({ code, stdout, stderr }),
  );
}
