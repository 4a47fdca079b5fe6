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
  PUT,
  putSteps,
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

/** There is no such row, and the members are too few to create it. */
export class IncompleteFault extends Error {
  override name = "IncompleteFault";
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
  /**
   * Changes the row with this value in its unique column, or creates it.
   *
   * @param members those of a new row; undefined if they are too few
   * @throws MissingFault if the demand is for a row that exists; IncompleteFault, VersionFault, ConstraintFault
   */
  put(
    database: Database,
    key: string,
    changes: object,
    members: object | undefined,
    demand: VersionDemand,
  ): Promise<Resource & { isNew: boolean }>;
  /** @param actor who deletes the row, for `beforeDeletion` @throws MissingFault, VersionFault */
  delete(database: Database, id: string, demand: VersionDemand, actor?: string): Promise<void>;
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
type Refusal = "version" | "incomplete" | "rule" | "taken";
type Written = Outcome<Resource, Refusal, { holder?: string | null }>;
type Put = Outcome<Resource & { is_new: boolean }, Refusal>;

/** Defines the statements of a kind of resource. */
export function defineResource(table: ResourceTable, options: ResourceOptions): ResourceStore {
  const byId = defineLookup(table, table.id, options.representation);
  const creation = keyedWrite(CREATION, creationSteps(table, options), { grouping: "items" });
  const change = unconditionally(CHANGE, changeSteps(table, options));
  const deletion = unconditionally(DELETION, deletionSteps(table, options));
  const { unique, rule } = options;
  const put = unique && unconditionally(PUT, putSteps(table, options, unique.column));

  const faultOfRefusal = (refused: Exclude<Written, Resource>, members: object): Error => {
    if (refused.refusal === "missing") return new MissingFault();
    if (refused.refusal === "incomplete") return new IncompleteFault();
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
        throw faultOfRefusal(outcome, members);
      }),
    change: (database, id, members, demand) =>
      withRetry(async () => {
        const values = { id, changes: JSON.stringify(members), ...demandValues(demand) };
        database.changed(id);
        const [outcome] = (await database.write(bind(change, values))) as [Written];
        if (outcome.refusal !== null) throw faultOfRefusal(outcome, members);
        return outcome;
      }),
    async put(database, key, changes, members, demand) {
      if (!put) throw new Error("Only a resource with a unique column can be put.");
      const values = {
        key,
        changes: JSON.stringify(changes),
        members: JSON.stringify(members ?? {}),
        isComplete: members !== undefined,
        mustExist: demand.exists,
        ...demandValues(demand),
      };
      const [outcome] = (await database.write(bind(put, values))) as [Put];
      if (outcome.refusal !== null) throw faultOfRefusal(outcome, changes);
      const { is_new: isNew, ...resource } = outcome;
      database.changed(resource.id);
      return { ...resource, isNew };
    },
    async delete(database, id, demand, actor = "") {
      const values = { id, actor, ...demandValues(demand) };
      database.changed(id);
      const [outcome] = (await database.write(bind(deletion, values))) as [Written];
      if (outcome.refusal !== null) throw faultOfRefusal(outcome, {});
    },
  };
}
