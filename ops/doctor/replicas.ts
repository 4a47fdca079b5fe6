/** The replicas that DATABASE_READ_URL names. */
import type pg from "pg";
import type { Config } from "../../src/config.ts";
import { IDENTITY, type Standing, standingAt } from "../../src/db/position.ts";
import { troubleOf } from "../../src/db/replicas.ts";
import { connect } from "./connection.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** A replica that is not read leaves its reads to the primary, so it is never a fault. */
export async function examineReplicas(config: Config): Promise<Finding[]> {
  const home = await ask(config.databaseUrl, IDENTITY.text, []).then(
    (row) => row?.home as string | undefined,
    () => undefined,
  );
  return Promise.all(config.readUrls.map((url) => examineReplica(url, home, config.maxLag)));
}

async function examineReplica(url: string, home: string | undefined, maxLag: number): Promise<Finding> {
  const name = new URL(url).host;
  const { text, values } = standingAt(undefined);
  const standing = await ask(url, text, values).catch((error: Error) => error);
  const trouble =
    standing instanceof Error
      ? `cannot be reached (${standing.message || "no answer"})`
      : troubleOf(standing as Standing, home, maxLag);
  if (trouble === undefined) return ok("replica", `The replica ${name} follows the primary, and is read.`);
  const remedy = "Mend it, or remove it from DATABASE_READ_URL. Meanwhile others, or the primary, answer.";
  return warning("replica", `The replica ${name} is not read: it ${trouble}.`, remedy);
}

async function ask(
  url: string,
  text: string,
  values: unknown[],
): Promise<Record<string, unknown> | undefined> {
  let client: pg.Client | undefined;
  try {
    client = await connect(url);
    const { rows } = await client.query(text, values);
    return rows[0];
  } finally {
    await client?.end();
  }
}
