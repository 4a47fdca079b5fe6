import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CACHE, run } from "./tool.ts";

/** Installs packages into a virtual environment of a name, and returns its interpreter. */
export async function pythonWith(name: string, packages: string[]): Promise<string> {
  const environment = join(CACHE, `python-${name}`);
  const interpreter = join(environment, "bin", "python");
  if (!(await stat(interpreter).catch(() => undefined)))
    await run(["python3", "-m", "venv", environment], CACHE);
  if (packages.length > 0) {
    const quiet = ["--quiet", "--disable-pip-version-check"];
    await run([interpreter, "-m", "pip", "install", ...quiet, ...packages], CACHE);
  }
  return interpreter;
}
