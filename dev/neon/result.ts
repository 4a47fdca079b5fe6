/** Formats the results of statements as Neon's driver asks for them. */
import type { IncomingHttpHeaders } from "node:http";
import pg from "pg";
import { EndpointError } from "./reply.ts";

const MAX_BYTES = 10 * 1024 * 1024;

/** The format of the rows in a response. */
export interface Format {
  rawText: boolean;
  arrayMode: boolean;
  /** Keeps values as Postgres sent them, and throws when they exceed the maximum size of a response. */
  types: pg.CustomTypesConfig;
}

export function formatOf(headers: IncomingHttpHeaders): Format {
  let remaining = MAX_BYTES;
  const keep = (text: string) => {
    remaining -= text.length;
    if (remaining < 0) throw new EndpointError(507, `response is too large (max is ${MAX_BYTES} bytes)`);
    return text;
  };
  return {
    rawText: headers["neon-raw-text-output"] === "true",
    arrayMode: headers["neon-array-mode"] === "true",
    types: { getTypeParser: () => keep },
  };
}

export type Row = (string | null)[];

export function formatResult(result: pg.QueryArrayResult<Row>, arrayMode: boolean, rawText: boolean) {
  const { fields, rowCount } = result;
  const rows = rawText
    ? result.rows
    : result.rows.map((row) => row.map((text, i) => jsonValue(text, fields[i]?.dataTypeID)));
  return {
    fields,
    rows: arrayMode
      ? rows
      : rows.map((row) => Object.fromEntries(row.map((value, i) => [fields[i]?.name, value]))),
    rowAsArray: arrayMode,
    command: result.command ?? "",
    rowCount,
  };
}

// bool, int2, int4, float4, float8, json, jsonb and the arrays of these and of text, varchar and uuid
const JSON_TYPES = new Set([16, 21, 23, 700, 701, 114, 3802, 1000, 1005, 1007, 199, 3807, 1009, 1015, 2951]);

function jsonValue(text: string | null, type = 0): unknown {
  if (text === null || !JSON_TYPES.has(type)) return text;
  const value: unknown = pg.types.getTypeParser(type)(text);
  return typeof value === "number" && !Number.isFinite(value) ? text : value;
}
