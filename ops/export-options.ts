import { parseArgs } from "node:util";
import { type ExportQuery, exportQuery } from "../src/catalogue/contract.ts";
import { ValidationErrors } from "../src/http/problem.ts";
import { addIssues } from "../src/http/validate.ts";
import { StartupError } from "../src/startup-error.ts";

export interface ExportOptions {
  /** `-` is standard output. */
  file: string;
  gzip: boolean;
  query: ExportQuery;
}

/** Parameters that are true or false: flags of the command. */
const FLAGS = ["with_ids", "excel", "escape_formulas", "in_stock"];

const optionOf = (parameter: string) => parameter.replaceAll("_", "-");

const USAGE = `Usage: npm run export -- FILE|- [--gzip] ${Object.keys(exportQuery.shape)
  .map((name) => `[--${optionOf(name)}${FLAGS.includes(name) ? "" : " …"}]`)
  .join(" ")}`;

/**
 * Reads the command line: each parameter of the API's export is an option. Flags can be negated: `--no-in-stock`.
 *
 * @throws StartupError with all faults
 */
export function readOptions(args: string[]): ExportOptions {
  const { file, gzip, given } = parse(args);
  const query = exportQuery.safeParse(given, { error: () => "" });
  const errors = new ValidationErrors();
  addIssues(errors, "query", given, query);
  if (query.data?.format === "ndjson" && (given.excel ?? given.escape_formulas) !== undefined) {
    errors.add("query", "format", "invalid_format", "must be csv for a spreadsheet");
  }
  const faults = errors.listed.map(({ path, message }) => `--${optionOf(path)} ${message}.`);
  if (faults.length > 0 || !query.data) throw new StartupError([...faults, USAGE].join("\n"));
  return { file, gzip, query: query.data };
}

function parse(args: string[]) {
  const names = Object.keys(exportQuery.shape);
  const options = Object.fromEntries(
    names.map((name) => [
      optionOf(name),
      { type: FLAGS.includes(name) ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { ...options, gzip: { type: "boolean" } },
      allowPositionals: true,
      allowNegative: true,
    });
    const [file, ...others] = positionals;
    if (!file || others.length > 0) throw new Error("Name one file to write, or - for standard output.");
    const { gzip = false, ...rest } = values;
    const given = Object.entries(rest).map(([name, value]) => [name.replaceAll("-", "_"), `${value}`]);
    return { file, gzip: gzip === true, given: Object.fromEntries(given) as Record<string, string> };
  } catch (error) {
    throw new StartupError(`${(error as Error).message}\n${USAGE}`);
  }
}
