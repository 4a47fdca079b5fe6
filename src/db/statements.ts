import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { fillPlaceholders, type SQL, sql } from "drizzle-orm";
import { CasingCache } from "drizzle-orm/casing";

/** The types that a statement's values have in TypeScript, by their SQL types. */
interface SqlTypes {
  uuid: string;
  text: string;
  jsonb: string;
  int: number;
  smallint: number;
  bigint: number;
  boolean: boolean;
  "text[]": string[] | null;
}

/** The SQL types of a statement's values, by name. */
export type Types = Record<string, keyof SqlTypes | (string & {})>;

/** The values of a statement, by name. */
export type Values<T extends Types> = {
  [Name in keyof T]: T[Name] extends keyof SqlTypes ? SqlTypes[T[Name]] : unknown;
};

/** Makes the SQL that stands for a value, cast to its type. */
export type Value<Name = string> = (name: Name) => SQL;

/** The names of the values. */
export type Names<T extends Types> = keyof T & string;

/**
 * A statement, defined once at module level and known by its identity. It is compiled once, and connections may keep it
 * prepared, so its plan must be good whatever the values are.
 */
export interface Definition<T extends Types = Types> {
  types: T;
  build(value: Value<Names<T>>): SQL;
  /**
   * How several calls become one statement. `join` joins the values of all calls to it. `items` concatenates the one
   * value of each call, a JSON array; the statement returns a column `item` that says which item a row is for, from 1 on.
   */
  grouping?: "join" | "items";
  /**
   * A write that never shares a transaction. It locks several rows in an order that keeps it from deadlocks, which the locks
   * of other writes before it would break.
   */
  alone?: true;
  /** The lane in which servers run it, if not that of its kind: its time depends on its values. */
  lane?: "searches";
}

/** How calls of a write share statements and transactions. */
export type Sharing = Pick<Definition, "grouping" | "alone">;

/** Defines a statement. It keeps the literal types of the values, so that {@link bind} knows them. */
export function defineStatement<const T extends Types>(definition: Definition<T>): Definition<T> {
  return definition;
}

/** A definition with values. */
export interface Query {
  definition: Definition;
  values: Record<string, unknown>;
}

export function bind<T extends Types>(definition: Definition<T>, values: Values<T>): Query {
  return { definition: definition as unknown as Definition, values };
}

/** Defines the statement that finds rows by a key: it returns a column `key`, for the keys in an array. */
export interface Lookup {
  build(keys: SQL): SQL;
}

/** SQL expressions separated by commas. */
export const listOf = (parts: SQL[]): SQL => sql.join(parts, sql`, `);

/** A statement as drivers take it. */
export interface Statement {
  text: string;
  values: unknown[];
  /** The name under which a connection may keep the statement prepared. */
  name?: string;
  /** See {@link Definition}. */
  lane?: "searches";
}

export type Compile = (query: Query | SQL) => Statement;

/** How Postgres writes names and values. Drizzle's `PgDialect` would bring its query builder into the Worker. */
const POSTGRES: Parameters<SQL["toQuery"]>[0] = {
  casing: new CasingCache(),
  escapeName: (name) => `"${name.replaceAll('"', '""')}"`,
  escapeParam: (index) => `$${index + 1}`,
  escapeString: (text) => `'${text.replaceAll("'", "''")}'`,
};

/** Makes a function that turns queries into statements, and compiles each definition once. */
export function compiler(): Compile {
  const templateOf = onceFor(({ types, build, lane }: Definition) => {
    const value = (name: string) => sql`${sql.placeholder(name)}::${sql.raw(`${types[name]}`)}`;
    const { sql: text, params } = build(value).toQuery(POSTGRES);
    return { text, params, name: nameOf(text), ...(lane && { lane }) };
  });
  return (query) => {
    if (!("definition" in query)) {
      const { sql, params } = query.toQuery(POSTGRES);
      return { text: sql, values: params };
    }
    const { params, ...statement } = templateOf(query.definition);
    return { ...statement, values: fillPlaceholders(params, query.values) };
  };
}

/** A hash of the text. Behind a pooler, several servers share a connection, so equal names must mean equal statements. */
function nameOf(text: string): string {
  return `octavo_${bytesToHex(sha256(utf8ToBytes(text)).subarray(0, 16))}`;
}

/** Makes a function that computes a value for an object once, and keeps it for as long as the object lives. */
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
