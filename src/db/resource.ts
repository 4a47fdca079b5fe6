/** What every versioned resource shares: the statements that read, create, change and delete one row. */
import { type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { conditionalWrite, type Outcome, unconditionally, type WriteSteps } from "./conditional-write.ts";
import { ConstraintFault } from "./faults.ts";
import { type Claim, keyedWrite, type Replay, writeKeyed } from "./idempotency.ts";
import type { Database } from "./ports.ts";
import { bind, type Lookup, type Names, type Value } from "./statements.ts";

/** A row as the API represents it, and what its ETag is made of. */
export type Resource = {
  id: string;
  version: string;
  /** Which members the JSON has; see the ETag. */
  format: number;
  /** The row as JSON text. */
  json: string;
};

/** Versions that a write requires of its row, or requires it not to have; undefined requires nothing. */
export interface VersionDemand {
  oneOf: bigint[] | undefined;
  /** Versions and formats, such as `3.1`. */
  noneOf: string[] | "any" | undefined;
}

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

/** A table whose columns can be found by their names, which are those of the JSON members. */
export type ResourceTable = PgTable & Record<"id" | "version", PgColumn>;

export interface ResourceOptions {
  representation: Representation;
  /** The columns that a client writes when it creates a row, and when it changes one. */
  columns: { create: PgColumn[]; change: PgColumn[] };
  /** A unique column and its constraint: a refused write says which row has the value. */
  unique?: { column: PgColumn; constraint: string };
  /** A rule across the members of a changed row, and its constraint. It is checked before the unique column. */
  rule?: { holds: (row: SQL) => SQL; constraint: string };
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

/** How a row is represented: as JSON text, and in which format that is. */
export interface Representation {
  json: SQL;
  format: SQL;
}

/** The columns of a {@link Resource}, for a select or a returning. */
export function resourceColumns(table: ResourceTable, { json, format }: Representation): SQL {
  return sql`${table.id}::text as id, ${table.version}::text as version, ${format}::int as format, ${json} as json`;
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

const DEMAND = { oneOf: "bigint[]", noneOf: "text[]", anyRefused: "boolean" } as const;
const CREATION = { rows: "jsonb" } as const;
const CHANGE = { id: "uuid", changes: "jsonb", ...DEMAND } as const;
const DELETION = { id: "uuid", ...DEMAND } as const;

const demandValues = ({ oneOf, noneOf }: VersionDemand) => ({
  oneOf: oneOf?.map(String) ?? null,
  noneOf: noneOf && noneOf !== "any" ? noneOf : null,
  anyRefused: noneOf === "any",
});

/** The condition on the version of `locked`. */
const meetsDemand = (
  value: Value<Names<typeof DEMAND>>,
) => sql`(${value("oneOf")} is null or version = any(${value("oneOf")}))
  and (${value("noneOf")} is null or version || '.' || format <> all(${value("noneOf")})) and not ${value("anyRefused")}`;

/** Inserts by MERGE, because only that can return which item a row was made of. */
function creationSteps(
  table: ResourceTable,
  { representation, columns: { create: columns }, unique }: ResourceOptions,
): WriteSteps<typeof CREATION> {
  const sameValue = (of: string) => {
    const name = sql.identifier(`${unique?.column.name}`);
    return sql`${sql.identifier(of)}.${name} = called.${name}`;
  };
  const isFree = unique
    ? sql`where not exists (select from ${table} as other where ${sameValue("other")})`
    : sql``;
  const holder = unique
    ? sql`left join ${table} as holder on made.id is null and ${sameValue("holder")}`
    : sql`cross join (select null::uuid as id) as holder`;
  return (proceed, value) => sql`
      called as materialized (
        select * from rows from (jsonb_to_recordset(${value("rows")}) as (${typesOf(columns)}))
        with ordinality as row (${namesOf(columns)}, item) where ${proceed}
      ),
      made as (
        merge into ${table} using (select * from called ${isFree}) as row on false
        when not matched then insert (${namesOf(columns)}) values (${namesOf(columns, "row.")})
        returning row.item, ${resourceColumns(table, representation)}
      ),
      outcome as (
        select called.item::int, case when made.id is null then 'taken' end as refusal,
          made.id, made.version, made.format, made.json, holder.id::text as holder
        from called left join made using (item) ${holder}
      )`;
}

function changeSteps(
  table: ResourceTable,
  { representation, columns: { change: columns }, unique, rule }: ResourceOptions,
): WriteSteps<typeof CHANGE> {
  return conditionalWrite({
    types: CHANGE,
    table,
    row: (value) => sql`${table.id} = ${value("id")}`,
    locked: (value) => ({
      version: sql`${table.version}`,
      format: representation.format,
      merged: sql`jsonb_populate_record(${table}, ${value("changes")})`,
      holder: unique
        ? sql`(select other.id::text from ${table} as other where other.${sql.identifier(unique.column.name)} =
            ${value("changes")} ->> ${sql.raw(`'${unique.column.name}'`)} and other.id <> ${table.id})`
        : sql`null::text`,
    }),
    conditions: (value) => ({
      version: meetsDemand(value),
      rule: rule?.holds(sql`(merged)`) ?? sql`true`,
      taken: sql`holder is null`,
    }),
    write: () => sql`update ${table} set (${namesOf(columns)}) = row(${namesOf(columns, "(passed.merged).")})
      from passed where ${table.id} = passed.id returning ${resourceColumns(table, representation)}`,
    details: [sql`checked.holder`],
  });
}

function deletionSteps(
  table: ResourceTable,
  { representation }: ResourceOptions,
): WriteSteps<typeof DELETION> {
  return conditionalWrite({
    types: DELETION,
    table,
    row: (value) => sql`${table.id} = ${value("id")}`,
    locked: () => ({ version: sql`${table.version}`, format: representation.format }),
    conditions: (value) => ({ version: meetsDemand(value) }),
    write: () =>
      sql`delete from ${table} using passed where ${table.id} = passed.id returning ${table.id}::text as id`,
  });
}

const listOf = (parts: SQL[]) => sql.join(parts, sql`, `);

const namesOf = (columns: PgColumn[], source = "") =>
  listOf(columns.map(({ name }) => sql`${sql.raw(source)}${sql.identifier(name)}`));

/** Names and types, as they define a record: Postgres makes one of JSON for less than a whole row of the table. */
const typesOf = (columns: PgColumn[]) =>
  listOf(columns.map((column) => sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}`));
