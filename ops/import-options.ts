import { parseArgs } from "node:util";
import { type ImportQuery, importQuery, unsuitableIn } from "../src/catalogue/import-contract.ts";
import { CATALOGUE_FORMATS, type CatalogueFormat } from "../src/catalogue/readers.ts";
import { ValidationErrors } from "../src/http/problem.ts";
import { addIssues } from "../src/http/validate.ts";
import { StartupError } from "../src/startup-error.ts";

export interface ImportOptions {
  /** `-` is standard input. */
  files: string[];
  /** The format of all files; recognized from each if not given. */
  format: CatalogueFormat | undefined;
  /** Imports nothing unless every row of every file can be. */
  allOrNothing: boolean;
  /** Goes on behind what an interrupted import has imported. */
  resume: boolean;
  /** Gives new books the ids and times that an export with ids has. */
  withIds: boolean;
  query: ImportQuery;
}

const optionOf = (parameter: string) => parameter.replaceAll("_", "-");
const NAMES = Object.keys(importQuery.shape);
const FLAGS = ["dry_run", "no_delete"];
const ALL_OR_NOTHING = "all-or-nothing";

const USAGE = `Usage: npm run import -- FILE… [--resume] [--with-ids] [--format ${CATALOGUE_FORMATS.join("|")}] ${NAMES.map(
  (name) => `[--${optionOf(name)}${FLAGS.includes(name) ? "" : " …"}]`,
).join(" ")}`;

/**
 * Reads the command line: each parameter of the API's import is an option.
 *
 * @throws StartupError with all faults
 */
export function readOptions(args: string[]): ImportOptions {
  const { files, given, format, resume, withIds } = parse(args);
  const { on_error, ...others } = given;
  const allOrNothing = on_error === ALL_OR_NOTHING;
  const query = importQuery.safeParse(allOrNothing ? others : given, { error: () => "" });
  const errors = new ValidationErrors();
  addIssues(errors, "query", given, query);
  const faults = errors.listed.map(({ path, message }) => `--${optionOf(path)} ${message}.`);
  if (format !== undefined && !isFormat(format))
    faults.push(`--format must be ${CATALOGUE_FORMATS.join(" or ")}.`);
  const [web] = files.filter((file) => /^https?:/i.test(file));
  if (web) faults.push(`${web} is a URL. Download it, or pipe it: curl … | npm run import -- -`);
  if (files.includes("-") && (resume || allOrNothing))
    faults.push(`Standard input is read once: --resume and --on-error ${ALL_OR_NOTHING} need a file.`);
  if (new Set(files).size < files.length) faults.push("A file is named twice.");
  if (given.skip_rows !== undefined && (files.length > 1 || resume))
    faults.push("--skip-rows is for one file, and not for --resume.");
  if (faults.length > 0 || !query.data) throw new StartupError([...faults, USAGE].join("\n"));
  return {
    files,
    format: format as CatalogueFormat | undefined,
    allOrNothing,
    resume,
    withIds,
    query: query.data,
  };
}

const isFormat = (name: string) => CATALOGUE_FORMATS.includes(name as CatalogueFormat);

/** @throws StartupError if an option is for another format than that of the file */
export function requireSuitable(query: ImportQuery, format: CatalogueFormat, file: string): void {
  const [unsuitable] = unsuitableIn(query, format);
  if (!unsuitable) return;
  throw new StartupError(
    `--${optionOf(unsuitable.name)} is for ${unsuitable.format}, and ${file} is ${format}.`,
  );
}

function parse(args: string[]) {
  const options = Object.fromEntries(
    NAMES.map((name) => [
      optionOf(name),
      { type: FLAGS.includes(name) ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args,
      options: {
        ...options,
        map: { type: "string", multiple: true },
        format: { type: "string" },
        resume: { type: "boolean" },
        "with-ids": { type: "boolean" },
      },
      allowPositionals: true,
    });
    if (positionals.length === 0) throw new Error("Name the files to import, or - for standard input.");
    const { resume = false, "with-ids": withIds = false, format, map, ...rest } = values;
    const given = Object.entries({ ...rest, ...(map && { map: map.join() }) }).map(([name, value]) => [
      name.replaceAll("-", "_"),
      `${value}`,
    ]);
    return {
      files: positionals,
      resume,
      withIds,
      format,
      given: Object.fromEntries(given) as Record<string, string>,
    };
  } catch (error) {
    throw new StartupError(`${(error as Error).message}\n${USAGE}`);
  }
}
