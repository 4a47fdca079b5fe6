/** What the doctor found out about one thing. */
export interface Finding {
  /** What was looked at, such as `port`; the same in every run, for scripts. */
  check: string;
  status: Status;
  /** A sentence. It names variables, hosts and roles, but has no secret. */
  message: string;
  /** The command or the setting that mends a fault or ends a warning. */
  remedy?: string;
}

/** A warning is about what works, but not as it should. What is skipped depends on something that has a fault. */
export type Status = "ok" | "warning" | "fault" | "skipped";

/** The findings of one area, such as the database. */
export interface Examination {
  area: string;
  findings: Finding[];
}

export const ok = (check: string, message: string): Finding => ({ check, status: "ok", message });

export const skipped = (check: string, message: string): Finding => ({ check, status: "skipped", message });

export const warning = (check: string, message: string, remedy: string): Finding => ({
  check,
  status: "warning",
  message,
  remedy,
});

export const fault = (check: string, message: string, remedy: string): Finding => ({
  check,
  status: "fault",
  message,
  remedy,
});

/** "1 fault", "2 faults". */
export const count = (number: number, thing: string): string =>
  `${number} ${thing}${number === 1 ? "" : "s"}`;
