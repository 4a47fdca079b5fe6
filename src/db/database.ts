import { type SQL, sql } from "drizzle-orm";
import { faultOf } from "./faults.ts";
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

/** One row, keyed by column. Values are what every driver gives alike: text, int4 as number, bool as boolean. */
export type Row = Record<string, unknown>;

/**
 * The transaction that a batch runs in. A `snapshot` is read-only, and all its statements see the same moment; in a
 * `write` each statement sees what was committed before it began, the statements before it included.
 */
export type Transaction = "snapshot" | "write";

/**
 * The database as the stores see it. A call is one round trip, whatever it holds; the deadline and the differences
 * between drivers end behind it. All methods reject with the faults of `faults.ts`.
 */
export interface Database {
  /** Finds the row under a key. */
  find<T extends Row>(lookup: Lookup, key: string): Promise<T | undefined>;
  /** Runs one statement that only reads. It may be shared with others who ask the same at the time. */
  read<T extends Row>(query: Query | SQL): Promise<T[]>;
  /** Runs one statement that writes. */
  write<T extends Row>(query: Query | SQL): Promise<T[]>;
  /** Runs statements as one transaction, all or none of it. */
  batch(transaction: Transaction, queries: (Query | SQL)[]): Promise<Row[][]>;
}

/** What a driver has to do, each in one round trip, within so many milliseconds. It rejects with errors of its own. */
export interface Driver {
  /** @param statement is asked for when it is about to be sent; until then others may join it */
  query(statement: () => Statement, time: number): Promise<Row[]>;
  batch(transaction: Transaction, statements: Statement[], time: number): Promise<Row[][]>;
}

/** Questions that may be asked alone, or several of them as one statement. */
export interface Questions<Q> {
  statementFor(questions: readonly Q[]): Statement;
  /** The rows of that statement, by question. */
  answers(rows: Row[], questions: readonly Q[]): Row[][];
}

/** Has a question answered by the driver, within so many milliseconds. */
type Ask = <Q>(questions: Questions<Q>, question: Q, time: number) => Promise<Row[]>;

/** Has statements run as one transaction, within so many milliseconds. */
type Batch = (statements: Statement[], time: number) => Promise<Row[][]>;

/** How reads come to the driver: each by itself ({@link apart}), or with others (`sharedReads`). */
export interface Reads {
  ask: Ask;
  read(statement: Statement, time: number): Promise<Row[]>;
  /** Of one moment. */
  batch: Batch;
}

/** How writes come to the driver: each by itself ({@link apart}), or with others (`sharedWrites`). */
export interface Writes {
  ask: Ask;
  batch: Batch;
}

/** Makes a database each of whose calls may take so many milliseconds. */
export type Connect = (time: number) => Database;

/** Every question is a query of its own. */
export function apart(driver: Driver): { reads: Reads; writes: Writes } {
  const read: Reads["read"] = (statement, time) => driver.query(() => statement, time);
  const ask: Ask = async (questions, question, time) => {
    const rows = await read(questions.statementFor([question]), time);
    const [answer = []] = questions.answers(rows, [question]);
    return answer;
  };
  return {
    reads: { ask, read, batch: (statements, time) => driver.batch("snapshot", statements, time) },
    writes: { ask, batch: (statements, time) => driver.batch("write", statements, time) },
  };
}

/** The database behind a driver. */
export function connectOver({ reads, writes }: { reads: Reads; writes: Writes }): Connect {
  const compile = compiler();
  const byKey = onceFor((lookup: Lookup) => keyQuestions(lookup, compile));
  const byDefinition = onceFor((definition: Definition) =>
    definition.list === undefined
      ? valueQuestions(definition, compile)
      : listQuestions(definition, definition.list, compile),
  );
  return (time) => ({
    async find<T extends Row>(lookup: Lookup, key: string) {
      const [row] = await told(reads.ask(byKey(lookup), key, time));
      return row as T | undefined;
    },
    async read<T extends Row>(query: Query | SQL) {
      if ("definition" in query && query.definition.types)
        return (await told(reads.ask(byDefinition(query.definition), query.values, time))) as T[];
      return (await told(reads.read(compile(query), time))) as T[];
    },
    async write<T extends Row>(query: Query | SQL) {
      if ("definition" in query && query.definition.list !== undefined)
        return (await told(writes.ask(byDefinition(query.definition), query.values, time))) as T[];
      return (await told(writes.ask(only(compile(query)), undefined, time))) as T[];
    },
    batch: async (transaction, queries) => {
      const { batch } = transaction === "snapshot" ? reads : writes;
      return told(batch(queries.map(compile), time));
    },
  });
}

/** Which row is under a key. */
function keyQuestions({ build }: Lookup, compile: Compile): Questions<string> {
  const definition: Definition = { build: (value) => build(value("keys")) };
  return {
    statementFor: (keys) => compile({ definition, values: { keys } }),
    answers(rows, keys) {
      const byKey = new Map(rows.map((row) => [row.key, [row]]));
      return keys.map((key) => byKey.get(key) ?? []);
    },
  };
}

/**
 * What a statement gives for some values. Several are a join of their values with the statement: for each of them Postgres
 * runs it as it would run it alone, and its rows come in their order.
 */
function valueQuestions(definition: Definition, compile: Compile): Questions<Query["values"]> {
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
    answers(rows, questions) {
      return questions.length === 1 ? [rows] : byQuestion(rows, questions.length);
    },
  };
}

/** What becomes of the item of a write. Several are one write of all their items. */
function listQuestions(definition: Definition, list: string, compile: Compile): Questions<Query["values"]> {
  return {
    statementFor(questions) {
      const items = questions.map((values) => (values[list] as string).slice(1, -1));
      return compile({ definition, values: { [list]: `[${items.join()}]` } });
    },
    answers: (rows, questions) => byQuestion(rows, questions.length),
  };
}

/** What a statement gives that is not asked together with others. */
const only = (statement: Statement): Questions<undefined> => ({
  statementFor: () => statement,
  answers: (rows) => [rows],
});

function byQuestion(rows: Row[], questions: number): Row[][] {
  const answers: Row[][] = Array.from({ length: questions }, () => []);
  for (const row of rows) answers[(row.question as number) - 1]?.push(row);
  return answers;
}

/** Lets a driver's error tell what it means to the API. */
async function told<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw faultOf(error);
  }
}
