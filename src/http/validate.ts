import { zValidator } from "@hono/zod-validator";
import type { Context, MiddlewareHandler } from "hono";
import * as z from "zod";
import type { Position } from "../db/keyset.ts";
import { type CursorSeal, invalidCursor } from "./cursor.ts";
import { scopeOf } from "./paging.ts";
import { type FaultCode, Faults, Problem, validationFailed } from "./problem.ts";
import { readQuery } from "./query.ts";
import type { Route } from "./route.ts";

type Target = "param" | "json";

/**
 * Makes what validates path and body of a request to a route, without judging yet: an answer names the faults of all parts, so a
 * failed part must not end the request before the others were looked at. `c.req.valid(target)` holds zod's result.
 */
export function examiner(route: Route): (c: Context) => Promise<void> {
  const validators = [
    ...(route.body ? [examine("json", route.body)] : []),
    ...(route.params ? [examine("param", route.params)] : []),
  ];
  return async (c) => {
    for (const validate of validators) await validate(c, nothingBehind);
  };
}

const nothingBehind = async () => {};

function examine(target: Target, schema: z.ZodType): MiddlewareHandler {
  return zValidator(target, schema, undefined, {
    validationFunction: async (_, value) => ({ success: true, data: examined(schema, value) }),
  });
}

interface Examined {
  value: unknown;
  result: z.ZodSafeParseResult<unknown>;
}

/** zod's own messages are not used, and of many unknown members it would make a long one. */
const NO_MESSAGE = { error: () => "" };

const examined = (schema: z.ZodType, value: unknown): Examined => ({
  value,
  result: schema.safeParse(value, NO_MESSAGE),
});

/** What a route takes that is no listing. */
const NO_PARAMETERS = z.strictObject({});

/** The parts of a request that a handler gets, all of them good. */
export interface Valid {
  params: unknown;
  query: unknown;
  body: unknown;
  position: Position | undefined;
}

/**
 * Judges what {@link examine} found, in the order of the contract: a bad cursor is 400, then every fault of query
 * and body is named in one 422, and at last an impossible path is the 404 of a resource that cannot exist.
 *
 * @throws Problem `invalid_cursor`, `validation_failed`, `not_found`
 */
export function judge(c: Context, route: Route, url: URL, seal: CursorSeal): Valid {
  const valid = (target: Target): Examined => c.req.valid(target as never);
  const { paging } = route;
  const body = route.body && valid("json");
  const params = route.params && valid("param");
  const { parameters, malformed } = readQuery(url);
  const position = paging && openCursor(paging.bound, parameters, url.pathname, seal);
  const wellFormed =
    malformed.size === 0
      ? parameters
      : Object.fromEntries(Object.entries(parameters).filter(([name]) => !malformed.has(name)));
  const query = examined(paging?.query ?? NO_PARAMETERS, wellFormed);
  const faults = new Faults();
  for (const name of malformed) faults.add("query", name, "invalid_format", "must be percent-encoded UTF-8");
  gather(faults, "query", query);
  if (body) gather(faults, "body", body);
  if (faults.count > 0) throw validationFailed(faults.listed, faults.count);
  if (params && !params.result.success) throw new Problem("not_found", "There is no such resource.");
  return { params: params?.result.data, query: query.result.data, body: body?.result.data, position };
}

/** A cursor is judged before the rest of the query: under parameters that do not parse, no cursor was ever made. */
function openCursor(bound: z.ZodObject, query: Record<string, unknown>, path: string, seal: CursorSeal) {
  const { cursor } = query;
  if (typeof cursor !== "string" || cursor === "") return undefined;
  const parsed = bound.safeParse(query);
  if (!parsed.success) throw invalidCursor();
  return seal.open(scopeOf(path, bound, parsed.data), cursor);
}

function gather(faults: Faults, part: "query" | "body", { value, result }: Examined): void {
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === "unrecognized_keys") {
      const message = part === "query" ? "is not a parameter here" : "is not a field here";
      const parents = issue.path.map((name) => `${String(name)}.`).join("");
      for (const key of issue.keys)
        faults.add(part, parents + key, "unknown_field", key === "" ? "has an empty name" : message);
    } else {
      faults.add(part, issue.path.join("."), ...faultOf(part, issue, value));
    }
  }
}

function faultOf(
  part: "query" | "body",
  issue: z.core.$ZodIssue,
  root: unknown,
): [code: FaultCode, message: string] {
  const value = issue.path.reduce<unknown>(
    (at, name) => (at as Record<PropertyKey, unknown> | undefined)?.[name],
    root,
  );
  if (part === "query" && Array.isArray(value)) return ["invalid_format", "must be given once"];
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
      return issue.origin === "string"
        ? ["too_short", "must not be empty"]
        : ["out_of_range", `must be ${issue.minimum} or more`];
    case "too_big":
      return issue.origin === "string"
        ? ["too_long", `must have ${issue.maximum} characters or fewer`]
        : ["out_of_range", `must be ${issue.maximum} or less`];
    case "invalid_value":
      return ["invalid_format", `must be one of ${issue.values.join(", ")}`];
    default:
      return ["invalid_format", "has the wrong form"];
  }
}

const TYPES: Record<string, string> = {
  object: "a JSON object",
  string: "a string",
  number: "a number",
  boolean: "true or false",
};
