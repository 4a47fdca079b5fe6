/** The report of an import as people read it: in the page of a form, and in the browser while a file is uploaded. */
import { harmlessCell, quotedCell } from "../catalogue/csv-cells.ts";
import type { Progress, Summary } from "../catalogue/importer.ts";
import type { RowFault } from "../catalogue/rows.ts";

/** A row as the report lists it. */
interface RefusedRow {
  row: number;
  isbn: string | null;
  details: RowFault[];
}

type SummaryLine = Summary & { refused_omitted: number };
type ProblemLine = { error: string; message: string; details?: Details };
type Details = { path: string; message: string }[];

/** What is counted, in the order in which it is told. */
export const COUNTS = {
  created: "New",
  updated: "Changed",
  unchanged: "Unchanged",
  deleted: "Deleted",
  refused: "Refused",
} as const satisfies Partial<Record<keyof Progress, string>>;

export interface Report {
  counts: Partial<Progress>;
  refused: RefusedRow[];
  /** Undefined while the import goes on, and if it ended early. */
  summary: SummaryLine | undefined;
  /** Why the import ended early. */
  problem: { code?: string; message: string; details?: Details | undefined } | undefined;
}

/** What is wrong with the fields of the form. */
export interface Faults {
  file?: string | undefined;
  default_price?: string | undefined;
}

export const emptyReport = (): Report => ({
  counts: {},
  refused: [],
  summary: undefined,
  problem: undefined,
});

/** Adds a line, as the import sends it. */
export function addLine(report: Report, line: string): void {
  const value: RefusedRow | Progress | SummaryLine | ProblemLine = JSON.parse(line);
  if ("error" in value) report.problem = { ...value, code: value.error };
  else if ("row" in value) report.refused.push(value);
  else {
    report.counts = value;
    if ("repairs" in value) report.summary = value;
  }
}

/** These say what is wrong with a file before any row was read. */
const OF_FILE = ["validation_failed", "payload_too_large"];

/** What was wrong with the fields; nothing if the import began. */
export function faultsIn({ problem, counts }: Report): Faults {
  if (!problem || counts.rows) return {};
  const price = problem.details?.find(({ path }) => path === "default_price");
  if (price) return { default_price: price.message };
  return OF_FILE.includes(problem.code ?? "") ? { file: problem.message } : {};
}

/** What has become of the file. */
export function headingOf({ summary }: Report, isCheck: boolean): string {
  if (!summary) return isCheck ? "The check ended early" : "The import ended early";
  return isCheck ? "Checked: nothing was changed yet" : "Imported";
}

/** What else there is to know, in sentences. */
export function notesOn({ summary, problem, refused, counts }: Report, isCheck: boolean): string[] {
  if (problem)
    return [problem.message, ...(isCheck || !counts.rows ? [] : ["What is counted was imported."])];
  const { duplicates = 0, repairs = {}, refused_omitted = 0 } = summary ?? {};
  const repaired = Object.values(repairs).reduce((sum, count) => sum + count, 0);
  return [
    ...(duplicates > 0 ? [`${duplicates} rows have an ISBN that came before; the last one counts.`] : []),
    ...(repaired > 0 ? [`${repaired} repairs were made, such as to ISBNs.`] : []),
    ...(refused_omitted > 0 ? [`Only the first ${refused.length} refused rows are listed.`] : []),
  ];
}

/** Why a row was refused. */
export const reasonOf = ({ details }: RefusedRow): string =>
  details.map(({ path, message }) => `${path} ${message}`.trim()).join("; ");

const BYTE_ORDER_MARK = "\ufeff";

/** The refused rows as a file for spreadsheets. */
export function refusedFile(refused: RefusedRow[]): string {
  const lines = refused.map((row) => [`${row.row}`, row.isbn ?? "", harmlessCell(reasonOf(row))]);
  return `${BYTE_ORDER_MARK}${[["row", "isbn", "reason"], ...lines].map((cells) => `${cells.map(quotedCell).join()}\r\n`).join("")}`;
}
