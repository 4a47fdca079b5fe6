import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { fillPlaceholders, type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";

/** Makes what stands for a value in a statement. */
export type Value = (name: string) => SQL;

/**
 * A statement whose values come apart from it: it is compiled once, and connections may keep it prepared. For what is
 * asked often, in few forms, and for which one plan is good whatever the values.
 *
 * Defined once, at module level, and known by its identity: no two can be taken for one another.
 */
export interface Definition {
  build(value: Value): SQL;
  /** The SQL types of the values, where several calls may be asked as one statement. */
  types?: Record<string, string>;
  /**
   * Its one value, where several calls may be made as one: in JSON an array of one item. Made as one they are an array of
   * all their items, and a column `question` tells which item a row is for, from 1 on.
   */
  list?: string;
}

/** A statement to be run with some values. */
export interface Query {
  definition: Definition;
  values: Record<string, unknown>;
}

/** A statement for rows by their key, defined as a {@link Definition} is; it gives a column `key`, for those of the array `keys`. */
export interface Lookup {
  build(keys: SQL): SQL;
}

/** A statement as drivers take it. */
export interface Statement {
  text: string;
  values: unknown[];
  /** Where it is given, a connection may keep the statement under this name, prepared. */
  name?: string;
}

export type Compile = (query: Query | SQL) => Statement;

/** Makes what turns queries into statements. What is defined once is compiled once. */
export function compiler(): Compile {
  const dialect = new PgDialect();
  const templateOf = onceFor(({ build }: Definition) => {
    const { sql: text, params } = dialect.sqlToQuery(build((name) => sql`${sql.placeholder(name)}`));
    return { text, params, name: nameOf(text) };
  });
  return (query) => {
    if (!("definition" in query)) {
      const { sql, params } = dialect.sqlToQuery(query);
      return { text: sql, values: params };
    }
    const { text, params, name } = templateOf(query.definition);
    return { text, values: fillPlaceholders(params, query.values), name };
  };
}

/**
 * Says what it names. Behind a pooler several servers use one connection: names that each of them counted for itself
 * would stand for different statements there.
 */
function nameOf(text: string): string {
  return `octavo_${bytesToHex(sha256(utf8ToBytes(text)).subarray(0, 16))}`;
}

/** Makes something of an object when it is first asked for, and keeps it for as long as the object lives. */
export function onceFor<K extends object, T>(make: (key: K) => T): (key: K) => T {
  const made = new WeakMap<K, { value: T }>();
  return (key) => {
    const kept = made.get(key);
    if (kept) return kept.value;
    const value = make(key);
    made.set(key, { value });
    return value;
  };
}
