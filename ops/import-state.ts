/** How far the import of a file has come, in a file beside it: an import that was killed can go on from there. */
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { StartupError } from "../src/startup-error.ts";

interface State {
  /** Of the input, to notice that it has changed. */
  size: number;
  modified: number;
  /** How many rows were imported. */
  rows: number;
  /** The process that imports it. */
  pid: number;
}

export class ImportState {
  readonly #path: string;
  readonly #input: Pick<State, "size" | "modified">;
  /** How many rows an interrupted import has imported; undefined without one. */
  readonly interruptedAt: number | undefined;

  private constructor(path: string, input: Pick<State, "size" | "modified">, interruptedAt?: number) {
    this.#path = path;
    this.#input = input;
    this.interruptedAt = interruptedAt;
  }

  /** @throws StartupError if the file is being imported, or if it has changed since its import was interrupted */
  static async open(file: string, resume: boolean): Promise<ImportState> {
    const { size, mtimeMs: modified } = await stat(file);
    const path = `${file}.import`;
    const left = await read(path);
    if (left && left.pid !== process.pid && isAlive(left.pid))
      throw new StartupError(`${file} is being imported by process ${left.pid}.`);
    if (!left || !resume) return new ImportState(path, { size, modified });
    if (left.size !== size || left.modified !== modified)
      throw new StartupError(
        `${file} has changed since its import was interrupted. Import it without --resume: what is there already stays as it is.`,
      );
    return new ImportState(path, { size, modified }, left.rows);
  }

  /** Replaces the file at once, so that whoever kills the process leaves a whole one. */
  async save(rows: number): Promise<void> {
    const state: State = { ...this.#input, rows, pid: process.pid };
    await writeFile(`${this.#path}.part`, JSON.stringify(state));
    await rename(`${this.#path}.part`, this.#path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

async function read(path: string): Promise<State | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
