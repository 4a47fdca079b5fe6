import * as z from "zod";
import type { ListingPosition } from "../db/keyset.ts";
import { type CursorSeal, invalidCursor } from "./cursor.ts";
import { scopeOf } from "./paging.ts";
import {
  Problem,
  type ValidationCode,
  type ValidationError,
  ValidationErrors,
  validationFailed,
} from "./problem.ts";
import { readQuery } from "./query.ts";
import type { Route } from "./route.ts";

/** The parts of a request that a route validates. */
interface Parts {
  params: Record<string, string>;
  /** The parsed body; undefined if the route has no JSON body. */
  json: unknown;
  url: URL;
}

/** The same parts, valid, for the handler. */
interface Valid {
  params: unknown;
  query: unknown;
  body: unknown;
  position: ListingPosition | undefined;
}

/** Keeps zod from building messages of its own, which would list all unknown members. */
export const NO_MESSAGE = { error: () => "" };

/** The query of a route that declares none. */
const NO_PARAMETERS = z.strictObject({});

/**
 * Validates a request in the order of the contract: a bad cursor is 400; all errors of query and body are one 422; and
 * an invalid path is the 404 of a resource that cannot exist, or part of the 422 if the route could create it.
 *
 * @throws Problem `invalid_cursor`, `validation_failed`, `not_found`
 */
export function validate(
  route: Pick<Route, "params" | "paging" | "query" | "body" | "creates">,
  { params, json, url }: Parts,
  seal: CursorSeal,
): Valid {
  const { paging } = route;
  const { parameters, malformed } = readQuery(url);
  const position = paging && openCursor(paging.bound, parameters, url.pathname, seal);
  const wellFormed =
    malformed.size === 0
      ? parameters
      : Object.fromEntries(Object.entries(parameters).filter(([name]) => !malformed.has(name)));
  const errors = new ValidationErrors();
  for (const name of malformed) errors.add("query", name, "invalid_format", "must be percent-encoded UTF-8");
  const query = (paging?.query ?? route.query ?? NO_PARAMETERS).safeParse(wellFormed, NO_MESSAGE);
  addIssues(errors, "query", wellFormed, query);
  const body = route.body?.kind === "json" ? route.body.schema.safeParse(json, NO_MESSAGE) : undefined;
  if (body) addIssues(errors, "body", json, body);
  const path = route.params?.safeParse(params, NO_MESSAGE);
  if (route.params && path && route.creates) {
    addIssues(errors, "path", params, path);
    if (path.success) addContradictions(errors, route.params, path.data, json);
  }
  if (errors.count > 0) throw validationFailed(errors.listed, errors.count);
  if (path && !path.success) throw new Problem("not_found", "There is no such resource.");
  return { params: path?.data, query: query.data, body: body?.data, position };
}

/** Opens the cursor before the rest of the query is validated: no cursor belongs to invalid parameters. */
function openCursor(bound: z.ZodObject, query: Record<string, unknown>, path: string, seal: CursorSeal) {
  const { cursor } = query;
  if (typeof cursor !== "string" || cursor === "") return undefined;
  const parsed = bound.safeParse(query);
  if (!parsed.success) throw invalidCursor();
  return seal.open(scopeOf(path, bound, parsed.data), cursor);
}

/** Adds the members of the body that are valid, but differ from the path. */
function addContradictions(errors: ValidationErrors, params: z.ZodObject, path: object, body: unknown): void {
  const members = new Map(Object.entries(body ?? {}));
  for (const [name, value] of Object.entries(path)) {
    const given = params.shape[name]?.safeParse(members.get(name), NO_MESSAGE);
    if (given?.success && given.data !== value)
      errors.add("body", name, "invalid_format", `must be the ${name} of the path, ${value}`);
  }
}

/** Adds what a schema found wrong with a part of a request. */
export function addIssues(
  errors: ValidationErrors,
  part: "query" | "body" | "path",
  value: unknown,
  result: z.ZodSafeParseResult<unknown>,
): void {
  for (const { path, code, message } of faultsOf(part, value, result)) errors.add(part, path, code, message);
}

/** The errors of a value that a schema has refused, in the words of the API. */
export function* faultsOf(
  part: "query" | "body" | "path",
  value: unknown,
  result: z.ZodSafeParseResult<unknown>,
): Generator<Omit<ValidationError, "in">> {
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === "unrecognized_keys") {
      const message = part === "query" ? "is not a known parameter" : "is not a known field";
      const parents = issue.path.map((name) => `${String(name)}.`).join("");
      for (const key of issue.keys)
        yield {
          path: parents + key,
          code: "unknown_field",
          message: key === "" ? "has an empty name" : message,
        };
    } else {
      const [code, message] = errorOf(part, issue, value);
      yield { path: issue.path.join("."), code, message };
    }
  }
}

function errorOf(
  part: "query" | "body" | "path",
  issue: z.core.$ZodIssue,
  root: unknown,
): [code: ValidationCode, message: string] {
  const value = issue.path.reduce<unknown>(
    (at, name) => (at as Record<PropertyKey, unknown> | undefined)?.[name],
    root,
  );
  if (part === "query" && Array.isArray(value)) return ["invalid_format", "must not be repeated"];
  if (value === undefined) return ["required", "is required"];
  switch (issue.code) {
    case "custom":
      return [issue.params?.code ?? "invalid_format", issue.message];
    case "invalid_type":
      if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
        return ["out_of_range", "is too large for a number"];
      }
      return ["invalid_type", `must be ${TYPES[issue.expected] ?? issue.expected}`];
    case "too_small":
      return issue.origin === "string" || issue.origin === "array"
        ? ["too_short", "must not be empty"]
        : ["out_of_range", `must be ${issue.minimum} or more`];
    case "too_big":
      if (issue.origin === "array") return ["too_long", `must have ${issue.maximum} items or fewer`];
      return issue.origin === "string"
        ? ["too_long", `must have ${issue.maximum} characters or fewer`]
        : ["out_of_range", `must be ${issue.maximum} or less`];
    case "invalid_value":
      return ["invalid_format", `must be one of ${issue.values.join(", ")}`];
    default:
      return ["invalid_format", "has an invalid format"];
  }
}

const TYPES: Record<string, string> = {
  object: "a JSON object",
  array: "an array",
  string: "a string",
  number: "a number",
  boolean: "true or false",
};
