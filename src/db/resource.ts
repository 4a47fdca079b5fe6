/** Statements that every versioned resource shares: read, change and delete one row, under the version asked for. */
import { getTableName, type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Database, Lookup, Value } from "./database.ts";
import { type Claim, once } from "./idempotency.ts";

/** A row as the API answers it, and what its ETag is made of. */
export type Resource = {
  id: string;
  version: string;
  /** The row as JSON text. */
  json: string;
  /** It was kept from an earlier request, and may have changed since. */
  replayed?: true;
};

/** Versions that a write demands of its row, or demands it not to have; undefined demands nothing. */
export interface VersionDemand {
  oneOf: bigint[] | undefined;
  noneOf: bigint[] | "any" | undefined;
}

/** There is no such row. */
export class MissingFault extends Error {
  override name = "MissingFault";
}

/** The row is at another version than demanded; nothing was written. */
export class VersionFault extends Error {
  override name = "VersionFault";
}

type ResourceTable = PgTable & Record<"id" | "version", PgColumn>;

/** The columns of a {@link Resource}, for a select or a returning. */
export function resourceColumns(table: ResourceTable, json: SQL): SQL {
  return sql`${table.id}::text as id, ${table.version}::text as version, ${json} as json`;
}

/** The query for resources by a column that is unique. */
export function lookupBy(table: ResourceTable, column: PgColumn, json: SQL): Lookup {
  const type = sql.raw(column.getSQLType());
  return {
    shape: `${getTableName(table)} by ${column.name}`,
    build: (keys) =>
      sql`select ${column}::text as key, ${resourceColumns(table, json)} from ${table}
        where ${column} = any(${keys}::${type}[])`,
  };
}

/** @throws MissingFault */
export async function readOne(database: Database, lookup: Lookup, key: string): Promise<Resource> {
  const row = await database.find<Resource>(lookup, key);
  if (!row) throw new MissingFault();
  return row;
}

/**
 * Adds a row with the given members, by column name.
 *
 * @throws MismatchFault, InProgressFault, and ConstraintFault where the row breaks a rule
 */
export function createOne(
  database: Database,
  table: ResourceTable,
  json: SQL,
  { columns, members, claim }: { columns: PgColumn[]; members: object; claim: Claim | undefined },
): Promise<Resource> {
  return once<Resource>(database, claim, {
    shape: `create in ${getTableName(table)}`,
    values: { rows: JSON.stringify([members]) },
    list: "rows",
    // A merge, as only that can return what it has from its source.
    build: (go, value) => sql`effect as (
      merge into ${table} using (
        select * from rows from (jsonb_to_recordset(${value("rows")}::jsonb) as (${typesOf(columns)}))
        with ordinality as row (${namesOf(columns)}, question) where ${go}
      ) as row on false
      when not matched then insert (${namesOf(columns)}) values (${namesOf(columns, "row.")})
      returning row.question::int, ${resourceColumns(table, json)}
    )`,
  });
}

/**
 * Changes the given members of one row, in one statement. The row is locked first: without the lock the statement's
 * snapshot could show a version that another transaction has replaced meanwhile.
 *
 * @param changes by column name; those left out keep their values, as in a merge patch (RFC 7396)
 * @throws MissingFault, VersionFault, and ConstraintFault where the merged record breaks a rule
 */
export async function changeOne(
  database: Database,
  table: ResourceTable,
  json: SQL,
  {
    id,
    demand,
    columns,
    changes,
  }: { id: string; demand: VersionDemand; columns: PgColumn[]; changes: object },
): Promise<Resource> {
  const [row] = await database.write<Resource | { id: null }>({
    shape: `change in ${getTableName(table)}${suffix(demand)}`,
    values: { id, changes: JSON.stringify(changes), ...versions(demand) },
    build: (value) => sql`
      with ${lockedRow(table, value("id"))},
      changed as (
        update ${table} set (${namesOf(columns)}) =
          (select ${namesOf(columns)} from jsonb_populate_record(held.target, ${value("changes")}::jsonb))
        from held where ${table.id} = (held.target).id and ${allowed(demand, value)}
        returning ${resourceColumns(table, json)}
      )
      select changed.* from held left join changed on true`,
  });
  return written(row);
}

/** @throws MissingFault, VersionFault */
export async function deleteOne(
  database: Database,
  table: ResourceTable,
  { id, demand }: { id: string; demand: VersionDemand },
): Promise<void> {
  const [row] = await database.write<{ id: string | null }>({
    shape: `delete in ${getTableName(table)}${suffix(demand)}`,
    values: { id, ...versions(demand) },
    build: (value) => sql`
      with ${lockedRow(table, value("id"))},
      deleted as (
        delete from ${table} using held where ${table.id} = (held.target).id and ${allowed(demand, value)}
        returning ${table.id}::text as id
      )
      select deleted.id from held left join deleted on true`,
  });
  written(row);
}

const listOf = (parts: SQL[]) => sql.join(parts, sql`, `);

const namesOf = (columns: PgColumn[], source = "") =>
  listOf(columns.map(({ name }) => sql`${sql.raw(source)}${sql.identifier(name)}`));

/** Names and types, as they define a record: Postgres makes one of JSON for less than a whole row of the table. */
const typesOf = (columns: PgColumn[]) =>
  listOf(columns.map((column) => sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}`));

/** No row: nothing was there to lock. A row of nulls: what was locked had another version. */
function written<T extends { id: string | null }>(row: T | undefined): Extract<T, { id: string }> {
  if (!row) throw new MissingFault();
  if (row.id === null) throw new VersionFault();
  return row as Extract<T, { id: string }>;
}

const lockedRow = (table: ResourceTable, id: SQL) =>
  sql`held as materialized (select target from ${table} as target where id = ${id}::uuid for update)`;

/** The condition on the version; it is another one for each {@link suffix}. */
function allowed({ oneOf, noneOf }: VersionDemand, value: Value): SQL {
  const demands = [
    ...(oneOf ? [sql`(held.target).version = any(${value("oneOf")}::bigint[])`] : []),
    ...(noneOf === "any" ? [sql`false`] : []),
    ...(noneOf && noneOf !== "any" ? [sql`(held.target).version <> all(${value("noneOf")}::bigint[])`] : []),
  ];
  return demands.length > 0 ? sql.join(demands, sql` and `) : sql`true`;
}

const suffix = ({ oneOf, noneOf }: VersionDemand) =>
  `${oneOf ? ", of some versions" : ""}${noneOf === "any" ? ", of none" : noneOf ? ", of all versions but some" : ""}`;

function versions({ oneOf, noneOf }: VersionDemand): Record<string, string> {
  const array = (versions: bigint[]) => `{${versions.join()}}`;
  return {
    ...(oneOf && { oneOf: array(oneOf) }),
    ...(noneOf && noneOf !== "any" && { noneOf: array(noneOf) }),
  };
}
