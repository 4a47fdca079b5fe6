/** The statements of a versioned resource: how a row is created, changed and deleted. */
import { type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { conditionalWrite, type WriteSteps } from "./conditional-write.ts";
import { listOf, type Names, type Value } from "./statements.ts";

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
  /** The row must exist: without it, a write that could create it is refused. */
  exists: boolean;
  /** Ids and versions, such as `0195dc3a-….3`. */
  oneOf: string[] | undefined;
  /** Ids, versions and formats, such as `0195dc3a-….3.1`. */
  noneOf: string[] | "any" | undefined;
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
  /** Expressions to evaluate before a row is deleted. */
  beforeDeletion?: (value: Value<"id" | "actor">) => SQL[];
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

/** The types of a {@link VersionDemand}. */
export const DEMAND = { oneOf: "text[]", noneOf: "text[]", anyRefused: "boolean" } as const;
export const CREATION = { rows: "jsonb" } as const;
export const CHANGE = { id: "uuid", changes: "jsonb", ...DEMAND } as const;
export const DELETION = { id: "uuid", actor: "text", ...DEMAND } as const;
export const PUT = {
  key: "text",
  changes: "jsonb",
  members: "jsonb",
  isComplete: "boolean",
  mustExist: "boolean",
  ...DEMAND,
} as const;

export const demandValues = ({ oneOf, noneOf }: VersionDemand) => ({
  oneOf: oneOf ?? null,
  noneOf: noneOf && noneOf !== "any" ? noneOf : null,
  anyRefused: noneOf === "any",
});

/** The condition on the version of a row; that of `locked` unless given. */
export const meetsDemand = (
  value: Value<Names<typeof DEMAND>>,
  { id, version, format }: Record<"id" | "version" | "format", SQL> = LOCKED,
) => sql`(${value("oneOf")} is null or concat_ws('.', ${id}, ${version}) = any(${value("oneOf")}))
  and (${value("noneOf")} is null or concat_ws('.', ${id}, ${version}, ${format}) <> all(${value("noneOf")}))
  and not ${value("anyRefused")}`;

const LOCKED = { id: sql`id`, version: sql`version`, format: sql`format` };

/** Inserts by MERGE, because only that can return which item a row was made of. */
export function creationSteps(
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

export function changeSteps(
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

/**
 * Changes the row with a unique value, or creates it. If another transaction creates it at the same time, the insertion waits
 * for it and then changes its row.
 */
export function putSteps(
  table: ResourceTable,
  { representation, columns: { create, change }, rule }: ResourceOptions,
  unique: PgColumn,
): WriteSteps<typeof PUT> {
  const holds = rule?.holds ?? (() => sql`true`);
  const result = (isNew: SQL) => sql`${resourceColumns(table, representation)}, ${isNew} as is_new`;
  return conditionalWrite({
    types: PUT,
    table,
    row: (value) => sql`${unique} = ${value("key")}`,
    locked: (value) => ({
      version: sql`${table.version}`,
      format: representation.format,
      merged: sql`jsonb_populate_record(${table}, ${value("changes")})`,
    }),
    conditions: (value) => ({
      version: meetsDemand(value),
      rule: holds(sql`(merged)`),
    }),
    write: () => sql`update ${table} set (${namesOf(change)}) = row(${namesOf(change, "(passed.merged).")})
      from passed where ${table.id} = passed.id returning ${result(sql`false`)}`,
    creation: {
      // With an id of its own, the new row can be told from one that another transaction created.
      absent: (value) => sql`select ${table.id.default} as id, members.*
        from jsonb_to_record(${value("members")}) as members (${typesOf(create)})`,
      conditions: (value) => ({
        missing: sql`not ${value("mustExist")}`,
        incomplete: value("isComplete"),
        rule: holds(sql`absent`),
      }),
      insert: (value) => sql`insert into ${table} (id, ${namesOf(create)})
        select id, ${namesOf(create)} from creatable
        on conflict (${sql.identifier(unique.name)}) do update set (${namesOf(change)}) = (
          select ${namesOf(change, "merged.")} from jsonb_populate_record(${table}, ${value("changes")}) as merged
        ) where ${meetsDemand(value, { id: sql`${table.id}`, version: sql`${table.version}`, format: representation.format })}
        returning ${result(sql`${table.id} = (select id from creatable)`)}`,
      onConflict: "version",
    },
  });
}

export function deletionSteps(
  table: ResourceTable,
  { representation, beforeDeletion = () => [] }: ResourceOptions,
): WriteSteps<typeof DELETION> {
  return conditionalWrite({
    types: DELETION,
    table,
    row: (value) => sql`${table.id} = ${value("id")}`,
    locked: () => ({ version: sql`${table.version}`, format: representation.format }),
    conditions: (value) => ({ version: meetsDemand(value) }),
    before: beforeDeletion,
    write: () =>
      sql`delete from ${table} using passed where ${table.id} = passed.id returning ${table.id}::text as id`,
  });
}

const namesOf = (columns: PgColumn[], source = "") =>
  listOf(columns.map(({ name }) => sql`${sql.raw(source)}${sql.identifier(name)}`));

/** Names and types, as they define a record: Postgres makes one of JSON for less than a whole row of the table. */
const typesOf = (columns: PgColumn[]) =>
  listOf(columns.map((column) => sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}`));
