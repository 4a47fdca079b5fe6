/**
 * Conditional writes: lock a row, check what the write depends on, then write, or say why not; in one statement. Such a write
 * may also create the row that it does not find.
 */
import { type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import {
  type Definition,
  defineStatement,
  listOf,
  type Names,
  type Sharing,
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
  /** Creates the row if there is none to lock; without it, such a write is refused as `missing`. */
  creation?: Creation<T>;
  /** Columns of `locked` that explain a refusal. */
  details?: SQL[];
}

/** How a conditional write creates a row. */
export interface Creation<T extends Types> {
  /** Selects one row, `absent`, with what the conditions and the insertion need. */
  absent: (value: Value<Names<T>>) => SQL;
  /** The conditions on `absent`, in the order in which they are checked. */
  conditions: (value: Value<Names<T>>) => Record<string, SQL>;
  /**
   * Inserts the row of `creatable`, which has the columns of `absent`, and returns the columns that the write returns. If
   * another transaction has created the row since the lock was tried, it does on conflict what the write would do.
   */
  insert: (value: Value<Names<T>>) => SQL;
  /** The refusal if the insertion does nothing on conflict. */
  onConflict: string;
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
  const { table, row, locked, conditions, before, write, creation, details = [] } = definition;
  return (proceed, value) => {
    const columns = Object.entries(locked(value)).map(([name, of]) => sql`${of} as ${sql.identifier(name)}`);
    const refusal = creation
      ? sql`case when checked.id is not null then checked.refusal
          when written.id is null then coalesce(uncreated.refusal, ${sql.raw(`'${creation.onConflict}'`)}) end`
      : sql`case when checked.id is null then 'missing' else checked.refusal end`;
    return sql`
      locked as materialized (
        select ${listOf([sql`${table.id} as id`, ...columns])} from ${table} where ${row(value)} and ${proceed} for update
      ),
      checked as materialized (
        select *, ${firstBroken(conditions(value))} as refusal from locked
      ),
      passed as materialized (
        select ${listOf([sql`*`, ...(before?.(value) ?? [])])} from checked where refusal is null
      ),
      ${creation ? createdOrWritten(write(value), creation, proceed, value) : sql`written as (${write(value)}),`}
      outcome as (
        select ${listOf([sql`${refusal} as refusal`, sql`written.*`, ...details])}
        from (select) one left join checked on true left join written on true
          ${creation ? sql`left join uncreated on true` : sql``}
      )`;
  };
}

/** The name of the first condition that does not hold; null if all do. */
function firstBroken(conditions: Record<string, SQL>): SQL {
  const refusals = Object.entries(conditions).map(
    ([name, holds]) => sql`when not coalesce(${holds}, false) then ${sql.raw(`'${name}'`)}`,
  );
  return sql`case ${sql.join(refusals, sql` `)} end`;
}

/** The steps of a write that creates the row if there is none: at most one of the two writes has a row to work on. */
function createdOrWritten<T extends Types>(
  write: SQL,
  { absent, conditions, insert }: Creation<T>,
  proceed: SQL,
  value: Value<Names<T>>,
): SQL {
  return sql`absent as materialized (
        select * from (${absent(value)}) as absent where not exists (select from locked) and ${proceed}
      ),
      uncreated as materialized (select *, ${firstBroken(conditions(value))} as refusal from absent),
      creatable as materialized (select * from uncreated where refusal is null),
      changed as (${write}),
      created as (${insert(value)}),
      written as (select * from changed union all select * from created),`;
}

/** Makes a statement of steps that are always taken. */
export function unconditionally<const T extends Types>(
  types: T,
  steps: WriteSteps<T>,
  sharing?: Sharing,
): Definition<T> {
  return defineStatement({
    types,
    build: (value) => sql`with ${steps(sql`true`, value)} select * from outcome`,
    ...sharing,
  });
}
