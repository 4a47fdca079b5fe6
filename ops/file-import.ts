import { readOptionsOf } from "../src/catalogue/import-contract.ts";
import {
  type ImportEvent,
  type ImportPolicy,
  type Progress as ImportProgress,
  importRows,
  type Summary,
} from "../src/catalogue/importer.ts";
import { READERS } from "../src/catalogue/readers.ts";
import { CatalogueError, type FileHeader } from "../src/catalogue/rows.ts";
import { ConstraintFault, SetupFault, UnavailableFault } from "../src/db/faults.ts";
import type { Database } from "../src/db/ports.ts";
import { StartupError } from "../src/startup-error.ts";
import { type ImportOptions, requireSuitable } from "./import-options.ts";
import { openSource, type Source } from "./import-source.ts";
import { ImportState } from "./import-state.ts";
import { type Progress, startProgress } from "./progress.ts";
import { RefusedRows } from "./refused-rows.ts";

/** What a run of the command does with each file. */
interface Run {
  policy: ImportPolicy;
  /** Only looks for rows that would be refused, before the import. */
  isRehearsal: boolean;
  /** Of the database. */
  host: string;
}

type Events = AsyncGenerator<ImportEvent, Summary>;

/** The import of one file, with its progress, its refused rows, and what is needed to go on later. */
export class FileImport {
  readonly #file: string;
  readonly #options: ImportOptions;
  readonly #run: Run;
  #refused: RefusedRows | undefined;
  #state: ImportState | undefined;
  #rows = 0;

  constructor(file: string, options: ImportOptions, run: Run) {
    this.#file = file;
    this.#options = options;
    this.#run = run;
  }

  /**
   * @param signal ends the import after its batch
   * @returns undefined if it was ended so
   * @throws StartupError that says what is imported, and how to go on
   */
  async run(connect: () => Database, signal: AbortSignal): Promise<Summary | undefined> {
    const { format, query, resume, withIds } = this.#options;
    const source = await openSource(this.#file, format);
    requireSuitable(query, source.format, this.#file);
    if (this.#file !== "-" && !this.#run.policy.dryRun)
      this.#state = await ImportState.open(this.#file, resume);
    const skipRows = this.#state?.interruptedAt ?? this.#run.policy.skipRows;
    this.#rows = skipRows;
    if (resume)
      print(
        skipRows > 0
          ? `${this.#file}: going on after row ${skipRows}.`
          : `${this.#file}: nothing to resume, so all of it is imported.`,
      );
    const refused = new RefusedRows(this.#file, skipRows > 0);
    this.#refused = refused;
    const onHeader = (header: FileHeader) => {
      refused.begin(header);
      if (header.format === "csv" && !this.#run.isRehearsal) print(columnsOf(this.#file, header));
    };
    const rows = READERS[source.format](source.bytes, { ...readOptionsOf(query), withIds, onHeader });
    const events = importRows(rows, connect, { ...this.#run.policy, skipRows });
    try {
      const summary = await this.#follow(events, source, signal);
      if (summary) await this.#conclude(summary);
      else await events.return({} as Summary);
      return summary;
    } catch (error) {
      throw this.#failure(error);
    } finally {
      await refused.end().catch(() => {});
    }
  }

  async #follow(events: Events, source: Source, signal: AbortSignal): Promise<Summary | undefined> {
    const progress = startProgress("rows", 0);
    try {
      for (;;) {
        const { done, value } = await events.next();
        if (done) {
          progress.end();
          return value;
        }
        if (value.kind === "refused") this.#refused?.add(value.row);
        else await this.#onBatch(value.progress, source, progress);
        if (!signal.aborted || value.kind === "refused") continue;
        progress.abandon();
        print(countsOf(this.#file, value.progress));
        print(`Interrupted. ${this.#continuation()}`);
        return undefined;
      }
    } catch (error) {
      progress.abandon();
      throw error;
    }
  }

  async #onBatch({ rows }: ImportProgress, source: Source, progress: Progress): Promise<void> {
    await this.#refused?.flush();
    await this.#state?.save(rows);
    const fraction = source.fractionRead();
    progress.add(rows - this.#rows, fraction ? Math.round(rows / fraction) : rows);
    this.#rows = rows;
  }

  async #conclude(summary: Summary): Promise<void> {
    await this.#refused?.flush();
    if (!summary.stopped) await this.#state?.remove();
    const { policy, isRehearsal } = this.#run;
    if (isRehearsal && summary.refused === 0) return;
    const { duplicates, repairs, stopped } = summary;
    print(countsOf(this.#file, summary, policy.dryRun));
    if (duplicates > 0) print(`  ${duplicates} rows repeat an ISBN of the file: the last one counts.`);
    const repaired = Object.entries(repairs).map(([name, times]) => `${name} ${times}`);
    if (repaired.length > 0) print(`  Repairs: ${repaired.join(", ")}.`);
    if (this.#refused?.path) print(`  Refused rows and their reasons: ${this.#refused.path}`);
    if (stopped) print(`  Stopped at the first batch with a refused row. ${this.#continuation()}`);
  }

  #continuation(): string {
    if (this.#run.policy.dryRun) return "Nothing was imported.";
    if (this.#rows === 0) return "Nothing was imported.";
    const again =
      this.#file === "-" ? `--skip-rows ${this.#rows} -` : `--resume ${this.#options.files.join(" ")}`;
    return `${this.#rows} rows are imported. Go on with: npm run import -- ${again} (and the same options)`;
  }

  #failure(error: unknown): unknown {
    const told = error instanceof CatalogueError || error instanceof StartupError;
    if (told) return new StartupError(`${this.#file}: ${(error as Error).message} ${this.#continuation()}`);
    if (error instanceof UnavailableFault)
      return new StartupError(
        `The database at ${this.#run.host} cannot be reached, or did not answer. ${this.#continuation()}`,
      );
    if (error instanceof ConstraintFault)
      return new StartupError(
        `${this.#file}: two books of the file have the same id. ${this.#continuation()}`,
      );
    if (error instanceof SetupFault) return new StartupError(error.message);
    const { syscall, message } = error as NodeJS.ErrnoException;
    return syscall ? new StartupError(`${this.#file}: ${message}. ${this.#continuation()}`) : error;
  }
}

function countsOf(file: string, progress: ImportProgress, isRehearsal = false): string {
  const { created, updated, unchanged, deleted, refused } = progress;
  const counts = [
    `${created} created`,
    `${updated} updated`,
    `${unchanged} unchanged`,
    ...(deleted > 0 ? [`${deleted} deleted`] : []),
    `${refused} refused`,
  ];
  return `${file}: ${isRehearsal ? "an import would give " : ""}${counts.join(", ")}.`;
}

function columnsOf(file: string, { columns, headers }: Extract<FileHeader, { format: "csv" }>): string {
  const read = columns.map(({ header, member }) => (header === member ? header : `${header} as ${member}`));
  const ignored = headers.filter((_, at) => !columns.some(({ index }) => index === at)).filter(Boolean);
  const rest = ignored.length > 0 ? ` Ignored: ${ignored.join(", ")}.` : "";
  return `${file}: reading ${read.join(", ")}.${rest}`;
}

function print(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
