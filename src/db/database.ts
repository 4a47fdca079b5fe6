import { fillPlaceholders, type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { faultOf } from "./faults.ts";

/** One row, keyed by column. Values are what every driver gives alike: text, int4 as number, bool as boolean. */
export type Row = Record<string, unknown>;

/**
 * The transaction that a batch runs in. A `snapshot` is read-only, and all its statements see the same moment; in a
 * `write` each statement sees what was committed before it began, the statements before it included.
 */
export type Transaction = "snapshot" | "write";

/** Makes what stands for a value in a statement. */
export type Value = (name: string) => SQL;

/**
 * A statement whose values come apart from it: it is compiled once, and connections may keep it prepared. For what is asked
 * often, in few shapes, and for which one plan is good whatever the values.
 */
export interface Query {
  /** Its name. Queries of one shape differ in nothing but their values. */
  shape: string;
  build(value: Value): SQL;
  values: Record<string, unknown>;
  /** The SQL types of the values, where several queries of the shape may be asked as one. */
  types?: Record<string, string>;
  /**
   * Its one value, where several writes of the shape may be made as one: in JSON an array of one item. Made as one they are an
   * array of all their items, and a column `question` tells which item a row is for, from 1 on.
   */
  list?: string;
}

/** A query for rows by their key; its columns and a column `key`, for those of the array `keys`. */
export interface Lookup {
  shape: string;
  build(keys: SQL): SQL;
}

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

/** A statement as drivers take it. */
export interface Statement {
  text: string;
  values: unknown[];
  /** Where it is given, a connection may keep the statement under this name, prepared. */
  name?: string;
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
  const byKey = onceFor(
    (lookup: Lookup) => lookup,
    (lookup) => keyQuestions(lookup, compile),
  );
  const byShape = onceFor(
    ({ shape }: Query) => shape,
    (query) => (query.list ? listQuestions(query, query.list, compile) : shapeQuestions(query, compile)),
  );
  return (time) => ({
    async find<T extends Row>(lookup: Lookup, key: string) {
      const [row] = await told(reads.ask(byKey(lookup), key, time));
      return row as T | undefined;
    },
    async read<T extends Row>(query: Query | SQL) {
      if ("types" in query) return (await told(reads.ask(byShape(query), query.values, time))) as T[];
      return (await told(reads.read(compile(query), time))) as T[];
    },
    async write<T extends Row>(query: Query | SQL) {
      if ("list" in query) return (await told(writes.ask(byShape(query), query.values, time))) as T[];
      return (await told(writes.ask(only(compile(query)), undefined, time))) as T[];
    },
    batch: async (transaction, queries) => {
      const { batch } = transaction === "snapshot" ? reads : writes;
      return told(batch(queries.map(compile), time));
    },
  });
}

/** Makes something of a value when it is first asked for, and keeps it. */
export function onceFor<A, K, T>(keyOf: (value: A) => K, make: (value: A) => T): (value: A) => T {
  const made = new Map<K, T>();
  return (value) => {
    const key = keyOf(value);
    const kept = made.get(key) ?? make(value);
    made.set(key, kept);
    return kept;
  };
}

/** Which row is under a key. */
function keyQuestions({ shape, build }: Lookup, compile: Compile): Questions<string> {
  return {
    statementFor: (keys) => compile({ shape, build: (value) => build(value("keys")), values: { keys } }),
    answers(rows, keys) {
      const byKey = new Map(rows.map((row) => [row.key, [row]]));
      return keys.map((key) => byKey.get(key) ?? []);
    },
  };
}

/**
 * What a query gives for some values. Several are a join of their values with the query: for each of them Postgres runs it as
 * it would run it alone, and its rows come in their order.
 */
function shapeQuestions({ shape, build, types = {} }: Query, compile: Compile): Questions<Query["values"]> {
  const names = Object.keys(types);
  const identifiers = [...names, "question"].map((name) => sql.identifier(name));
  const together = (value: Value) => {
    const arrays = names.map((name) => sql`${value(name)}::${sql.raw(types[name] as string)}[]`);
    return sql`select asked.question::int as question, answer.*
      from unnest(${sql.join(arrays, sql`, `)}) with ordinality as asked (${sql.join(identifiers, sql`, `)})
      cross join lateral (${build((name) => sql`asked.${sql.identifier(name)}`)}) as answer`;
  };
  return {
    statementFor: ([first = {}, ...others]) => {
      if (others.length === 0) return compile({ shape, build, values: first });
      const columns = names.map((name) => [name, [first, ...others].map((values) => values[name])]);
      return compile({ shape: `${shape}, together`, build: together, values: Object.fromEntries(columns) });
    },
    answers(rows, questions) {
      return questions.length === 1 ? [rows] : byQuestion(rows, questions.length);
    },
  };
}

/** What becomes of the item of a write. Several are one write of all their items. */
function listQuestions({ shape, build }: Query, list: string, compile: Compile): Questions<Query["values"]> {
  return {
    statementFor(questions) {
      const items = questions.map((values) => (values[list] as string).slice(1, -1));
      return compile({ shape, build, values: { [list]: `[${items.join()}]` } });
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

type Compile = (query: Query | SQL) => Statement;

/** Statements named so far: two databases may have the same connections, where a name stands for one statement. */
let prepared = 0;

function compiler(): Compile {
  const dialect = new PgDialect();
  const template = onceFor(
    ({ shape }: Query) => shape,
    ({ build }) => {
      const { sql: text, params } = dialect.sqlToQuery(build((name) => sql`${sql.placeholder(name)}`));
      return { text, params, name: `octavo_${prepared++}` };
    },
  );
  return (query) => {
    if (!("shape" in query)) {
      const { sql, params } = dialect.sqlToQuery(query);
      return { text: sql, values: params };
    }
    const { text, params, name } = template(query);
    return { text, values: fillPlaceholders(params, query.values), name };
  };
}

/** Lets a driver's error tell what it means to the API. */
async function told<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw faultOf(error);
  }
}
