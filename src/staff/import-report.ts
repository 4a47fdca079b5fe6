/** The report of an import as people read it: in the page of a form, and in the browser while a file is uploaded. */
import { harmlessCell, quotedCell } from "../catalogue/csv-cells.ts";
import type { ImportProgress, ImportSummary, RefusedRow } from "../client/file-types.ts";
import type { ProblemBody } from "../client/problem-types.ts";

/** What is counted, in the order in which it is told. */
export const COUNTS = {
  created: "New",
  updated: "Changed",
  unchanged: "As they were",
  deleted: "Deleted",
  refused: "Refused",
} as const satisfies Partial<Record<keyof ImportProgress, string>>;

export interface Report {
  counts: Partial<ImportProgress>;
  refused: RefusedRow[];
  /** Undefined while the import goes on, and if it ended early. */
  summary: ImportSummary | undefined;
  /** Why the import ended early. */
  problem: Pick<ProblemBody, "message"> | undefined;
}

export const emptyReport = (): Report => ({
  counts: {},
  refused: [],
  summary: undefined,
  problem: undefined,
});

/** Adds a line, as the import sends it. */
export function addLine(report: Report, line: string): void {
  const value: RefusedRow | ImportProgress | ImportSummary | ProblemBody = JSON.parse(line);
  if ("error" in value) report.problem = value;
  else if ("row" in value) report.refused.push(value);
  else {
    report.counts = value;
    if ("repairs" in value) report.summary = value;
  }
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
