/** What every versioned resource shares: the statements that read, create, change and delete one row. */
import { sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import { type Outcome, unconditionally } from "./conditional-write.ts";
import { ConstraintFault } from "./faults.ts";
import { type Claim, keyedWrite, type Replay, writeKeyed } from "./idempotency.ts";
import type { Database } from "./ports.ts";
import {
  CHANGE,
  CREATION,
  changeSteps,
  creationSteps,
  DELETION,
  deletionSteps,
  demandValues,
  type Representation,
  type Resource,
  type ResourceOptions,
  type ResourceTable,
  resourceColumns,
  type VersionDemand,
} from "./resource-statements.ts";
import { bind, type Lookup } from "./statements.ts";

export { type Resource, resourceColumns, type VersionDemand } from "./resource-statements.ts";

/** There is no such row. */
export class MissingFault extends Error {
  override name = "MissingFault";
}

/** The row does not have a required version; nothing was written. */
export class VersionFault extends Error {
  override name = "VersionFault";
}

/** Another row has the value that must be unique; nothing was written. */
export class TakenFault extends ConstraintFault {
  override name = "TakenFault";
  /** The row that has it. */
  readonly holder: string;
  readonly value: string;
  constructor(constraint: string, holder: string, value: string) {
    super(constraint, undefined);
    this.holder = holder;
    this.value = value;
  }
}

/** A kind of resource, with its statements. */
export interface ResourceStore {
  /** @throws MissingFault */
  read(database: Database, id: string): Promise<Resource>;
  /** Adds a row with the given members, by column name. @throws TakenFault, ConstraintFault, MismatchFault, InProgressFault */
  create(database: Database, members: object, claim: Claim | undefined): Promise<Resource | Replay>;
  /**
   * Changes the given members of a row, by column name; the others keep their values, as in a merge patch (RFC 7396).
   *
   * @throws MissingFault, VersionFault, TakenFault, and ConstraintFault if the changed row breaks a rule
   */
  change(database: Database, id: string, changes: object, demand: VersionDemand): Promise<Resource>;
  /** @throws MissingFault, VersionFault */
  delete(database: Database, id: string, demand: VersionDemand): Promise<void>;
}

/** Defines the statement that finds resources by a unique column. */
export function defineLookup(table: ResourceTable, column: PgColumn, representation: Representation): Lookup {
  const type = sql.raw(column.getSQLType());
  return {
    build: (keys) =>
      sql`select ${column}::text as key, ${resourceColumns(table, representation)} from ${table}
        where ${column} = any(${keys}::${type}[])`,
  };
}

/** @throws MissingFault */
export async function readOne(database: Database, lookup: Lookup, key: string): Promise<Resource> {
  const row = await database.find<Resource>(lookup, key);
  if (!row) throw new MissingFault();
  return row;
}

/** Why a write was refused: see the faults that {@link ResourceStore} throws for each. */
type Refusal = "version" | "rule" | "taken";
type Written = Outcome<Resource, Refusal, { holder: string | null }>;

/** Defines the statements of a kind of resource. */
export function defineResource(table: ResourceTable, options: ResourceOptions): ResourceStore {
  const byId = defineLookup(table, table.id, options.representation);
  const creation = keyedWrite(CREATION, creationSteps(table, options), "items");
  const change = unconditionally(CHANGE, changeSteps(table, options));
  const deletion = unconditionally(DELETION, deletionSteps(table, options));
  const { unique, rule } = options;

  const faultOf = (refused: Exclude<Written, Resource>, members: object): Error => {
    if (refused.refusal === "missing") return new MissingFault();
    if (refused.refusal === "version") return new VersionFault();
    if (refused.refusal === "rule") return new ConstraintFault(`${rule?.constraint}`, undefined);
    const value = new Map(Object.entries(members)).get(`${unique?.column.name}`);
    return new TakenFault(`${unique?.constraint}`, `${refused.holder}`, `${value}`);
  };
  // Of two simultaneous writes, the second learns from the index alone that the value is taken. A retry sees the holder.
  const withRetry = async <T>(attempt: () => Promise<T>): Promise<T> => {
    try {
      return await attempt();
    } catch (error) {
      const isRace = error instanceof ConstraintFault && !(error instanceof TakenFault);
      if (!isRace || error.constraint !== unique?.constraint) throw error;
      return attempt();
    }
  };

  return {
    read: (database, id) => readOne(database, byId, id),
    create: (database, members, claim) =>
      withRetry(async () => {
        const rows = JSON.stringify([members]);
        const outcome: Written | Replay = await writeKeyed(database, claim, creation, { rows });
        if (!("refusal" in outcome) || outcome.refusal === null) return outcome;
        throw faultOf(outcome, members);
      }),
    change: (database, id, members, demand) =>
      withRetry(async () => {
        const values = { id, changes: JSON.stringify(members), ...demandValues(demand) };
        const [outcome] = (await database.write(bind(change, values))) as [Written];
        if (outcome.refusal !== null) throw faultOf(outcome, members);
        return outcome;
      }),
    async delete(database, id, demand) {
      const [outcome] = (await database.write(bind(deletion, { id, ...demandValues(demand) }))) as [Written];
      if (outcome.refusal !== null) throw faultOf(outcome, {});
    },
  };
}
