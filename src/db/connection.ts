import { type SQL, sql } from "drizzle-orm";
import { faultOf } from "./faults.ts";
import type { Connect, Driver, Row } from "./ports.ts";
import {
  type Compile,
  compiler,
  type Definition,
  type Lookup,
  onceFor,
  type Query,
  type Statement,
  type Value,
} from "./statements.ts";

/** Turns calls into one statement, and the rows of that statement into the rows of each call. */
export interface Batcher<Call> {
  statementFor(calls: readonly Call[]): Statement;
  rowsByCall(rows: Row[], calls: readonly Call[]): Row[][];
}

/** Runs a call, alone or with others in one statement, within so many milliseconds. */
type RunBatched = <Call>(batcher: Batcher<Call>, call: Call, time: number) => Promise<Row[]>;

/** Runs statements as one transaction, within so many milliseconds. */
type RunTransaction = (statements: Statement[], time: number) => Promise<Row[][]>;

/** How reads reach the driver: each by itself ({@link direct}), or with others (`sharedReads`). */
export interface Reads {
  batched: RunBatched;
  query(statement: Statement, time: number): Promise<Row[]>;
  snapshot: RunTransaction;
}

/** How writes reach the driver: each by itself ({@link direct}), or with others (`sharedWrites`). */
export interface Writes {
  batched: RunBatched;
  transaction: RunTransaction;
}

/** Sends each call to the driver by itself. */
export function direct(driver: Driver): { reads: Reads; writes: Writes } {
  const query: Reads["query"] = (statement, time) => driver.query(() => statement, time);
  const batched: RunBatched = async (batcher, call, time) => {
    const rows = await query(batcher.statementFor([call]), time);
    return batcher.rowsByCall(rows, [call])[0] ?? [];
  };
  return {
    reads: { batched, query, snapshot: (statements, time) => driver.batch("snapshot", statements, time) },
    writes: { batched, transaction: (statements, time) => driver.batch("write", statements, time) },
  };
}

/** The database behind a driver. What is defined once is compiled once. */
export function connectOver({ reads, writes }: { reads: Reads; writes: Writes }): Connect {
  const compile = compiler();
  const lookups = onceFor((lookup: Lookup) => keyBatcher(lookup, compile));
  const batchers = onceFor((definition: Definition) =>
    definition.list === undefined
      ? valueBatcher(definition, compile)
      : listBatcher(definition, definition.list, compile),
  );
  return (time) => ({
    async find<T extends Row>(lookup: Lookup, key: string) {
      const [row] = await withFaults(reads.batched(lookups(lookup), key, time));
      return row as T | undefined;
    },
    async read<T extends Row>(query: Query | SQL) {
      const rows =
        "definition" in query && query.definition.types
          ? reads.batched(batchers(query.definition), query.values, time)
          : reads.query(compile(query), time);
      return (await withFaults(rows)) as T[];
    },
    async write<T extends Row>(query: Query | SQL) {
      const rows =
        "definition" in query && query.definition.list !== undefined
          ? writes.batched(batchers(query.definition), query.values, time)
          : writes.batched(single(compile(query)), undefined, time);
      return (await withFaults(rows)) as T[];
    },
    batch(transaction, queries) {
      const run = transaction === "snapshot" ? reads.snapshot : writes.transaction;
      return withFaults(run(queries.map(compile), time));
    },
  });
}

/** Calls are keys, of which one statement finds the rows. */
function keyBatcher({ build }: Lookup, compile: Compile): Batcher<string> {
  const definition: Definition = { build: (value) => build(value("keys")) };
  return {
    statementFor: (keys) => compile({ definition, values: { keys } }),
    rowsByCall(rows, keys) {
      const byKey = new Map(rows.map((row) => [row.key, [row]]));
      return keys.map((key) => byKey.get(key) ?? []);
    },
  };
}

/**
 * Calls are the values of a statement. Several become a join of their values with the statement: Postgres runs it for each of
 * them as it would run it alone, and their rows keep their order.
 */
function valueBatcher(definition: Definition, compile: Compile): Batcher<Query["values"]> {
  const { build, types = {} } = definition;
  const names = Object.keys(types);
  const identifiers = [...names, "question"].map((name) => sql.identifier(name));
  const together: Definition = {
    build(value: Value) {
      const arrays = names.map((name) => sql`${value(name)}::${sql.raw(types[name] as string)}[]`);
      return sql`select asked.question::int as question, answer.*
        from unnest(${sql.join(arrays, sql`, `)}) with ordinality as asked (${sql.join(identifiers, sql`, `)})
        cross join lateral (${build((name) => sql`asked.${sql.identifier(name)}`)}) as answer`;
    },
  };
  return {
    statementFor: ([first = {}, ...others]) => {
      if (others.length === 0) return compile({ definition, values: first });
      const columns = names.map((name) => [name, [first, ...others].map((values) => values[name])]);
      return compile({ definition: together, values: Object.fromEntries(columns) });
    },
    rowsByCall: (rows, calls) => (calls.length === 1 ? [rows] : byQuestion(rows, calls.length)),
  };
}

/** Calls are JSON arrays of one item, which one statement takes as an array of all items. */
function listBatcher(definition: Definition, list: string, compile: Compile): Batcher<Query["values"]> {
  return {
    statementFor(calls) {
      const items = calls.map((values) => (values[list] as string).slice(1, -1));
      return compile({ definition, values: { [list]: `[${items.join()}]` } });
    },
    rowsByCall: (rows, calls) => byQuestion(rows, calls.length),
  };
}

/** A statement that is never one with others. */
const single = (statement: Statement): Batcher<undefined> => ({
  statementFor: () => statement,
  rowsByCall: (rows) => [rows],
});

/** Sorts rows by their column `question`, which counts calls from 1 on. */
function byQuestion(rows: Row[], calls: number): Row[][] {
  const byCall: Row[][] = Array.from({ length: calls }, () => []);
  for (const row of rows) byCall[(row.question as number) - 1]?.push(row);
  return byCall;
}

/** Turns a driver's errors into faults. */
async function withFaults<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw faultOf(error);
  }
}
