/** Statements that every versioned resource shares: read, add, change and delete one row, under the version asked for. */
import { type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { ConstraintFault } from "./faults.ts";
import { type Claim, defineEffect, once, type Replay } from "./idempotency.ts";
import type { Database } from "./ports.ts";
import type { Definition, Lookup, Value } from "./statements.ts";

/** A row as the API answers it, and what its ETag is made of. */
export type Resource = {
  id: string;
  version: string;
  /** Which members the JSON has; see the ETag. */
  format: number;
  /** The row as JSON text. */
  json: string;
};

/** Versions that a write demands of its row, or demands it not to have; undefined demands nothing. */
export interface VersionDemand {
  oneOf: bigint[] | undefined;
  /** Versions and formats, such as `3.1`. */
  noneOf: string[] | "any" | undefined;
}

/** There is no such row. */
export class MissingFault extends Error {
  override name = "MissingFault";
}

/** The row is at another version than demanded; nothing was written. */
export class VersionFault extends Error {
  override name = "VersionFault";
}

/** Another row has the value that is to be unique, and is known; nothing was written. */
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

type ResourceTable = PgTable & Record<"id" | "version", PgColumn>;

export interface ResourceOptions {
  representation: Representation;
  /** The columns that are written by those who create one, and by those who change it. */
  columns: { create: PgColumn[]; change: PgColumn[] };
  /** A column that no two rows share, and its constraint: a write tells which row has the value already. */
  unique?: { column: PgColumn; constraint: string };
  /** A rule of the merged record, and its constraint: to break it is told before a value that is taken. */
  rule?: { isBroken: (row: SQL) => SQL; constraint: string };
}

/** A kind of resource, with its statements. */
export interface ResourceStore {
  /** @throws MissingFault */
  read(database: Database, id: string): Promise<Resource>;
  /** Adds a row with the given members, by column name. @throws TakenFault, ConstraintFault, MismatchFault, InProgressFault */
  create(database: Database, members: object, claim: Claim | undefined): Promise<Resource | Replay>;
  /**
   * Changes the given members of a row, by column name; those left out keep their values, as in a merge patch (RFC 7396).
   *
   * @throws MissingFault, VersionFault, TakenFault, and ConstraintFault where the merged record breaks a rule
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

/** Defines the statement for resources by a column that is unique. */
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

/** Defines the statements of a kind of resource. */
export function defineResource(table: ResourceTable, options: ResourceOptions): ResourceStore {
  const { representation, unique, rule } = options;
  const byId = defineLookup(table, table.id, representation);
  const creation = defineEffect((go, value) => creating(table, options, go, value), "rows");
  const changes = byDemand((demand) => changing(table, options, demand));
  const deletions = byDemand((demand) => deleting(table, representation, demand));

  const takenBy = (holder: string | null, members: object) => {
    const { column, constraint } = unique as NonNullable<typeof unique>;
    return new TakenFault(constraint, `${holder}`, `${new Map(Object.entries(members)).get(column.name)}`);
  };
  // Of two writes at the same moment one only learns from the index that it came second. Again, it sees the first.
  const again = async <T>(attempt: () => Promise<T>): Promise<T> => {
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
      again(async () => {
        const values = { rows: JSON.stringify([members]) };
        const row = await once<Resource | Refused>(database, claim, creation, values);
        if ("id" in row && row.id === null) throw takenBy(row.taken, members);
        return row;
      }),
    change: (database, id, members, demand) =>
      again(async () => {
        const values = { id, changes: JSON.stringify(members), ...versionValues(demand) };
        const [row] = await database.write<Resource | Refused>({ definition: changes(demand), values });
        if (!row) throw new MissingFault();
        if (row.id !== null) return row;
        if (!row.allowed) throw new VersionFault();
        if (rule && row.broken) throw new ConstraintFault(rule.constraint, undefined);
        throw takenBy(row.taken, members);
      }),
    async delete(database, id, demand) {
      const values = { id, ...versionValues(demand) };
      const [row] = await database.write<{ id: string | null }>({ definition: deletions(demand), values });
      if (!row) throw new MissingFault();
      if (row.id === null) throw new VersionFault();
    },
  };
}

/** What a write gives that was refused. */
type Refused = {
  id: null;
  /** The row that has the value already. */
  taken: string | null;
  /** Whether the version is the one demanded, and whether the merged record breaks the rule. */
  allowed?: boolean;
  broken?: boolean;
};

/** A merge, as only that can return what it has from its source: which of the rows asked for each row is. */
function creating(
  table: ResourceTable,
  { representation, columns: { create: columns }, unique }: ResourceOptions,
  go: SQL,
  value: Value,
): SQL {
  const isFree = unique
    ? sql`where not exists (select from ${table} where ${unique.column} = asked.${sql.identifier(unique.column.name)})`
    : sql``;
  const holder = unique
    ? sql`left join ${table} as holder on made.id is null and holder.${sql.identifier(unique.column.name)} = asked.${sql.identifier(unique.column.name)}`
    : sql`cross join (select null::uuid as id) as holder`;
  return sql`asked as materialized (
      select * from rows from (jsonb_to_recordset(${value("rows")}::jsonb) as (${typesOf(columns)}))
      with ordinality as row (${namesOf(columns)}, question) where ${go}
    ),
    made as (
      merge into ${table} using (select * from asked ${isFree}) as row on false
      when not matched then insert (${namesOf(columns)}) values (${namesOf(columns, "row.")})
      returning row.question, ${resourceColumns(table, representation)}
    ),
    effect as (
      select asked.question::int, made.id, made.version, made.format, made.json, holder.id::text as taken
      from asked left join made using (question) ${holder}
    )`;
}

/**
 * Changes one row, in one statement. The row is locked first: without the lock the statement's snapshot could show a
 * version that another transaction has replaced meanwhile.
 */
function changing(
  table: ResourceTable,
  { representation, columns: { change: columns }, unique, rule }: ResourceOptions,
  demand: VersionDemand,
): Definition {
  return {
    build(value) {
      const merged = sql`jsonb_populate_record(held.target, ${value("changes")}::jsonb)`;
      const taken = unique
        ? sql`select id from ${table} where ${unique.column} = ${value("changes")}::jsonb ->> ${sql.raw(`'${unique.column.name}'`)} and id <> ${value("id")}::uuid`
        : sql`select null::uuid as id where false`;
      const broken = rule
        ? sql`taken.id is not null and (select ${rule.isBroken(sql`merged`)} from ${merged} as merged)`
        : sql`false`;
      return sql`
        with ${lockedRow(table, representation, value("id"))},
        taken as materialized (${taken}),
        changed as (
          update ${table} set (${namesOf(columns)}) = (select ${namesOf(columns)} from ${merged})
          from held where ${table.id} = (held.target).id and ${allowed(demand, value)} and not exists (select from taken)
          returning ${resourceColumns(table, representation)}
        )
        select changed.*, taken.id::text as taken, ${allowed(demand, value)} as allowed, ${broken} as broken
        from held left join changed on true left join taken on true`;
    },
  };
}

function deleting(table: ResourceTable, representation: Representation, demand: VersionDemand): Definition {
  return {
    build: (value) => sql`
      with ${lockedRow(table, representation, value("id"))},
      deleted as (
        delete from ${table} using held where ${table.id} = (held.target).id and ${allowed(demand, value)}
        returning ${table.id}::text as id
      )
      select deleted.id from held left join deleted on true`,
  };
}

const listOf = (parts: SQL[]) => sql.join(parts, sql`, `);

const namesOf = (columns: PgColumn[], source = "") =>
  listOf(columns.map(({ name }) => sql`${sql.raw(source)}${sql.identifier(name)}`));

/** Names and types, as they define a record: Postgres makes one of JSON for less than a whole row of the table. */
const typesOf = (columns: PgColumn[]) =>
  listOf(columns.map((column) => sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}`));

const lockedRow = (table: ResourceTable, { format }: Representation, id: SQL) =>
  sql`held as materialized (
    select ${table} as target, ${format} as format from ${table} where ${table.id} = ${id}::uuid for update
  )`;

/** Defines a statement for each kind of {@link VersionDemand}, when it is first made. */
function byDemand(define: (demand: VersionDemand) => Definition): (demand: VersionDemand) => Definition {
  const definitions = new Map<string, Definition>();
  return (demand) => {
    const { oneOf, noneOf } = demand;
    const kind = `${oneOf !== undefined} ${noneOf === "any" ? "any" : noneOf !== undefined}`;
    const definition = definitions.get(kind) ?? define(demand);
    definitions.set(kind, definition);
    return definition;
  };
}

/** The condition on the version. */
function allowed({ oneOf, noneOf }: VersionDemand, value: Value): SQL {
  const demands = [
    ...(oneOf ? [sql`(held.target).version = any(${value("oneOf")}::bigint[])`] : []),
    ...(noneOf === "any" ? [sql`false`] : []),
    ...(noneOf && noneOf !== "any"
      ? [sql`(held.target).version || '.' || held.format <> all(${value("noneOf")}::text[])`]
      : []),
  ];
  return demands.length > 0 ? sql.join(demands, sql` and `) : sql`true`;
}

function versionValues({ oneOf, noneOf }: VersionDemand): Record<string, string> {
  const array = (values: unknown[]) => `{${values.join()}}`;
  return {
    ...(oneOf && { oneOf: array(oneOf) }),
    ...(noneOf && noneOf !== "any" && { noneOf: array(noneOf) }),
  };
}
