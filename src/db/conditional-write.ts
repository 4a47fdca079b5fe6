/** Conditional writes: lock a row, check what the write depends on, then write, or say why not; in one statement. */
import { type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import {
  type Definition,
  defineStatement,
  listOf,
  type Names,
  type Types,
  type Value,
} from "./statements.ts";

/**
 * The row that a conditional write returns: what was written, with `refusal` null, or the name of the condition that failed
 * first. `missing` means that there is no row to lock.
 */
export type Outcome<Written, Refusal extends string, Details = unknown> =
  | ({ refusal: null } & Written)
  | ({ refusal: Refusal | "missing" } & Details);

export interface ConditionalWrite<T extends Types, Refusal extends string> {
  /** The SQL types of the values. */
  types: T;
  table: PgTable & { id: PgColumn };
  /** Which row to lock. */
  row: (value: Value<Names<T>>) => SQL;
  /** What the conditions and the write need of the locked row: columns of `locked`, beside its `id`. */
  locked: (value: Value<Names<T>>) => Record<string, SQL>;
  /** The conditions on `locked`, in the order in which they are checked. */
  conditions: (value: Value<Names<T>>) => Record<Refusal, SQL>;
  /** Expressions to evaluate before the write, if all conditions hold. */
  before?: (value: Value<Names<T>>) => SQL[];
  /** Updates or deletes the row of `passed`, which has the columns of `locked`, and returns what was written. */
  write: (value: Value<Names<T>>) => SQL;
  /** Columns of `locked` that explain a refusal. */
  details?: SQL[];
}

/**
 * Writes as CTEs, of which the last is `outcome`, with one row as {@link Outcome} has it. They lock and write only where
 * `proceed` is true, so that another statement can decide whether the write is made.
 */
export type WriteSteps<T extends Types> = (proceed: SQL, value: Value<Names<T>>) => SQL;

/**
 * Builds the steps of a conditional write. The lock comes first: without it, the statement's snapshot could show a row that
 * another transaction has replaced since.
 */
export function conditionalWrite<const T extends Types, Refusal extends string>(
  definition: ConditionalWrite<T, Refusal>,
): WriteSteps<T> {
  const { table, row, locked, conditions, before, write, details = [] } = definition;
  return (proceed, value) => {
    const columns = Object.entries(locked(value)).map(([name, of]) => sql`${of} as ${sql.identifier(name)}`);
    const refusals = Object.entries<SQL>(conditions(value)).map(
      ([name, holds]) => sql`when not coalesce(${holds}, false) then ${sql.raw(`'${name}'`)}`,
    );
    return sql`
      locked as materialized (
        select ${listOf([sql`${table.id} as id`, ...columns])} from ${table} where ${row(value)} and ${proceed} for update
      ),
      checked as materialized (
        select *, case ${sql.join(refusals, sql` `)} end as refusal from locked
      ),
      passed as materialized (
        select ${listOf([sql`*`, ...(before?.(value) ?? [])])} from checked where refusal is null
      ),
      written as (${write(value)}),
      outcome as (
        select ${listOf([
          sql`case when checked.id is null then 'missing' else checked.refusal end as refusal`,
          sql`written.*`,
          ...details,
        ])}
        from (select) one left join checked on true left join written on true
      )`;
  };
}

/** Makes a statement of steps that are always taken. */
export function unconditionally<const T extends Types>(
  types: T,
  steps: WriteSteps<T>,
  grouping?: Definition["grouping"],
): Definition<T> {
  return defineStatement({
    types,
    build: (value) => sql`with ${steps(sql`true`, value)} select * from outcome`,
    ...(grouping && { grouping }),
  });
}
