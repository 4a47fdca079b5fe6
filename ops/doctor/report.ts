/** The findings as a list for people, or as JSON for scripts. */
import { styleText } from "node:util";
import { count, type Examination, type Status } from "./finding.ts";

const MARKS = { ok: "✓", warning: "!", fault: "✗", skipped: "–" } as const;
const COLOURS = { ok: "green", warning: "yellow", fault: "red", skipped: "dim" } as const;

const numberOf = (examinations: Examination[], status: Status) =>
  examinations.flatMap(({ findings }) => findings).filter((finding) => finding.status === status).length;

/** Whether the exit code is 0. */
export const isFine = (examinations: Examination[]): boolean => numberOf(examinations, "fault") === 0;

/** @param hasColours whether it is for a terminal that shows colours */
export function textOf(examinations: Examination[], hasColours: boolean): string {
  const coloured = (status: Status, text: string) => (hasColours ? styleText(COLOURS[status], text) : text);
  const lines = examinations.flatMap(({ area, findings }) => [
    area,
    ...findings.flatMap(({ status, message, remedy }) => [
      `  ${coloured(status, MARKS[status])} ${message}`,
      ...(remedy ? [`      ${remedy}`] : []),
    ]),
    "",
  ]);
  const [faults, warnings] = [numberOf(examinations, "fault"), numberOf(examinations, "warning")];
  const status = faults > 0 ? "fault" : warnings > 0 ? "warning" : "ok";
  const end = `${count(faults, "fault")}, ${count(warnings, "warning")}.`;
  return [...lines, coloured(status, status === "ok" ? "Octavo is well." : end), ""].join("\n");
}

/** `{ "faults", "warnings", "checks": [{ "area", "check", "status", "message", "remedy" }] }` */
export function jsonOf(examinations: Examination[]): string {
  const checks = examinations.flatMap(({ area, findings }) =>
    findings.map((finding) => ({ area: area.toLowerCase(), ...finding })),
  );
  const [faults, warnings] = [numberOf(examinations, "fault"), numberOf(examinations, "warning")];
  return `${JSON.stringify({ faults, warnings, checks }, null, 2)}\n`;
}
