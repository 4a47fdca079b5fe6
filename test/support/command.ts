import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** The environment of a program that gets these variables alone. Its compiled code is shared with other programs. */
export function environmentOf(variables: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return { PATH, NODE_COMPILE_CACHE, ...variables };
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
    env: environmentOf(variables),
  });
  return ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Outcome) => ({ code, stdout, stderr }),
  );
}
