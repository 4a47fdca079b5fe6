import { expect } from "vitest";
import type { Finding } from "../../ops/doctor/finding.ts";
import { migrate } from "../../ops/migrations.ts";
import { runBuilt } from "./command.ts";
import { createRole, createTestDatabase } from "./database.ts";
import { SECRET } from "./token.ts";

export type Variables = Awaited<ReturnType<typeof goodServer>>["variables"];

/** Variables of a server on a database as it should be: migrated, with a role for the app alone. */
export async function goodServer() {
  const database = await createTestDatabase();
  const { role, url } = await createRole(database);
  await migrate(database.url, { grantTo: role });
  return { database, role, variables: { DATABASE_URL: url, AUTH_SECRET: SECRET, PORT: "0" } };
}

/** What `npm run doctor -- --json` prints. */
export interface Report {
  code: number;
  faults: number;
  warnings: number;
  checks: (Finding & { area: string })[];
}

/** Examines, and checks what holds for every report. */
export async function examine(
  variables: NodeJS.ProcessEnv,
  args: string[] = [],
  cwd?: string,
): Promise<Report> {
  const { code, stdout, stderr } = await runBuilt("doctor", [...args, "--json"], variables, cwd);
  expect(stderr).toBe("");
  const report = JSON.parse(stdout) as Omit<Report, "code">;
  expect(code).toBe(report.faults > 0 ? 1 : 0);
  for (const check of report.checks) {
    expect(check.message).toMatch(/^\S.*[.?]$/);
    const isBad = ["fault", "warning"].includes(check.status);
    expect([check.message, Boolean(check.remedy)]).toEqual([check.message, isBad]);
  }
  expect(stdout).not.toMatch(/hidden|\n\s+at /);
  return { code, ...report };
}

/** The findings of one check. */
export const of = ({ checks }: Report, check: string) => checks.filter((finding) => finding.check === check);
