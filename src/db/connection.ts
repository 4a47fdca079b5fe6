import { type SQL, sql } from "drizzle-orm";
import { deadlineIn, GoneError, timeTo, within } from "../deadline.ts";
import { faultOf } from "./faults.ts";
import type { CallOptions, Connect, Driver, Row, Transaction } from "./ports.ts";
import type { LaneName } from "./scheduler.ts";
import {
  type Compile,
  compiler,
  type Definition,
  type Lookup,
  listOf,
  onceFor,
  type Query,
  type Statement,
} from "./statements.ts";
import { haveGone, marking, markSent, type OnPosition, startTrip, type Trip } from "./trips.ts";

/** Turns calls into one statement, and the rows of that statement into the rows of each call. */
export interface Batcher<Call> {
  /** Where the statement waits. */
  lane: LaneName;
  /** A write that never shares a transaction. */
  alone?: boolean;
  statementFor(calls: readonly Call[]): Statement;
  rowsByCall(rows: Row[], calls: readonly Call[]): Row[][];
}

/** Runs a call, alone or with others in one statement. */
type RunBatched = <Call>(batcher: Batcher<Call>, call: Call, trip: Trip) => Promise<Row[]>;

/** Runs statements as one transaction. */
type RunTransaction = (statements: Statement[], trip: Trip) => Promise<Row[][]>;

/** How reads reach the driver: each by itself ({@link direct}), or with others (`batchedReads`). */
export interface Reads {
  batched: RunBatched;
  query(statement: Statement, trip: Trip): Promise<Row[]>;
  snapshot: RunTransaction;
}

/** How writes reach the driver: each by itself ({@link direct}), or with others (`groupedWrites`). */
export interface Writes {
  batched: RunBatched;
  transaction: RunTransaction;
}

/**
 * Sends each call to the driver by itself.
 *
 * @param onPosition is told the position after each write; without replicas, nobody needs that
 */
export function direct(driver: Driver, onPosition?: OnPosition): { reads: Reads; writes: Writes } {
  const optionsOf = (trip: Trip, isWrite: boolean): CallOptions => ({
    traceHeaders: trip.traceHeaders,
    guard: trip.guard,
    mark: isWrite && onPosition ? marking([trip], onPosition) : undefined,
  });
  const query = (isWrite: boolean) => (statement: Statement, trip: Trip) => {
    markSent([trip]);
    return driver.query(statement, trip.deadline, optionsOf(trip, isWrite));
  };
  const batch =
    (transaction: Transaction): RunTransaction =>
    (statements, trip) => {
      markSent([trip]);
      return driver.batch(transaction, statements, trip.deadline, optionsOf(trip, transaction === "write"));
    };
  const batched =
    (isWrite: boolean): RunBatched =>
    async (batcher, call, trip) => {
      const rows = await query(isWrite)(batcher.statementFor([call]), trip);
      return batcher.rowsByCall(rows, [call])[0] ?? [];
    };
  return {
    reads: { batched: batched(false), query: query(false), snapshot: batch("snapshot") },
    writes: { batched: batched(true), transaction: batch("write") },
  };
}

/** After so long a call, its caller may have gone. For quicker calls, asking would cost more than it saves. */
const LONG_MS = 100;

/** Waits for a read. Nobody makes a reply of its rows for a client who has gone. */
async function wanted<T>(trip: Trip, reading: Promise<T>): Promise<T> {
  const result = await reading;
  if (performance.now() - trip.started > LONG_MS && haveGone([trip])) throw new GoneError();
  return result;
}

/** Makes the database that the stores use. Each definition is compiled once. */
export function connectOver({ reads, writes }: { reads: Reads; writes: Writes }): Connect {
  const compile = compiler();
  const lookups = onceFor((lookup: Lookup) => keyBatcher(lookup, compile));
  const batchers = onceFor((definition: Definition) =>
    definition.grouping === "join" ? joinBatcher(definition, compile) : itemBatcher(definition, compile),
  );
  const batchable = (query: Query | SQL, grouping: Definition["grouping"]): query is Query =>
    "definition" in query && query.definition.grouping === grouping;
  return (time, caller = {}) => {
    const deadline = deadlineIn(time);
    const call = async <T>(run: (trip: Trip) => Promise<T>): Promise<T> => {
      const trip = startTrip(deadline, caller);
      try {
        return await within(timeTo(deadline), run(trip));
      } catch (error) {
        trip.hasFailed = true;
        throw faultOf(error);
      } finally {
        trip.ended = performance.now();
        caller.onTrip?.(trip);
      }
    };
    return {
      async find<T extends Row>(lookup: Lookup, key: string) {
        const [row] = await call((trip) => wanted(trip, reads.batched(lookups(lookup), key, trip)));
        return row as T | undefined;
      },
      async read<T extends Row>(query: Query | SQL) {
        const rows = await call((trip) =>
          wanted(
            trip,
            batchable(query, "join")
              ? reads.batched(batchers(query.definition), query.values, trip)
              : reads.query(compile(query), trip),
          ),
        );
        return rows as T[];
      },
      async write<T extends Row>(query: Query | SQL) {
        const rows = await call((trip) =>
          batchable(query, "items")
            ? writes.batched(batchers(query.definition), query.values, trip)
            : writes.batched(single(compile(query), isAlone(query)), undefined, trip),
        );
        return rows as T[];
      },
      batch(transaction, queries) {
        return call((trip) => {
          const statements = queries.map(compile);
          if (transaction === "write") return writes.transaction(statements, trip);
          return wanted(trip, reads.snapshot(statements, trip));
        });
      },
      changed: (...ids) => caller.onChange?.(ids),
    };
  };
}

/** Calls are keys; one statement finds the rows of all of them. */
function keyBatcher({ build }: Lookup, compile: Compile): Batcher<string> {
  const definition: Definition = { types: {}, build: () => build(sql`${sql.placeholder("keys")}`) };
  return {
    lane: "points",
    statementFor: (keys) => compile({ definition, values: { keys } }),
    rowsByCall(rows, keys) {
      const byKey = new Map(rows.map((row) => [row.key, [row]]));
      return keys.map((key) => byKey.get(key) ?? []);
    },
  };
}

/**
 * Calls are the values of a statement. Several calls become a lateral join of their values with the statement: Postgres
 * runs it for each call as it would run it alone, and the rows of each call keep their order.
 */
function joinBatcher(definition: Definition, compile: Compile): Batcher<Query["values"]> {
  const { build, types } = definition;
  const names = Object.keys(types);
  const identifiers = [...names, "item"].map((name) => sql.identifier(name));
  const together: Definition = {
    types: Object.fromEntries(names.map((name) => [name, `${types[name]}[]`])),
    build: (value) => sql`select called.item::int as item, answer.*
      from unnest(${listOf(names.map(value))}) with ordinality as called (${sql.join(identifiers, sql`, `)})
      cross join lateral (${build((name) => sql`called.${sql.identifier(name)}`)}) as answer`,
  };
  return {
    lane: "pages",
    statementFor: ([first = {}, ...others]) => {
      if (others.length === 0) return compile({ definition, values: first });
      const columns = names.map((name) => [name, [first, ...others].map((values) => values[name])]);
      return compile({ definition: together, values: Object.fromEntries(columns) });
    },
    rowsByCall: (rows, calls) => (calls.length === 1 ? [rows] : byItem(rows, calls.length)),
  };
}

/** Calls are JSON arrays of one item; one statement takes an array of all items. */
function itemBatcher(definition: Definition, compile: Compile): Batcher<Query["values"]> {
  const [name = ""] = Object.keys(definition.types);
  return {
    lane: "writes",
    statementFor(calls) {
      const items = calls.map((values) => (values[name] as string).slice(1, -1));
      return compile({ definition, values: { [name]: `[${items.join()}]` } });
    },
    rowsByCall: (rows, calls) => byItem(rows, calls.length),
  };
}

const isAlone = (query: Query | SQL) => "definition" in query && query.definition.alone === true;

/** A statement that is never one with others. */
const single = (statement: Statement, alone: boolean): Batcher<undefined> => ({
  lane: "writes",
  alone,
  statementFor: () => statement,
  rowsByCall: (rows) => [rows],
});

/** Sorts rows by their column `item`, which counts calls from 1 on. */
function byItem(rows: Row[], calls: number): Row[][] {
  const byCall: Row[][] = Array.from({ length: calls }, () => []);
  for (const row of rows) byCall[(row.item as number) - 1]?.push(row);
  return byCall;
}
