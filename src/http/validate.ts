import { zValidator } from "@hono/zod-validator";
import type { Context, MiddlewareHandler } from "hono";
import type * as z from "zod";
import type { Position } from "../db/keyset.ts";
import { type CursorSeal, invalidCursor } from "./cursor.ts";
import { scopeOf } from "./paging.ts";
import { type Fault, type FaultCode, Problem, validationFailed } from "./problem.ts";
import type { Route } from "./route.ts";

type Target = "param" | "query" | "json";

/**
 * Makes what validates the parts of a request to a route, without judging yet: an answer names the faults of all parts, so a
 * failed part must not end the request before the others were looked at. `c.req.valid(target)` holds zod's result.
 */
export function examiner(route: Route): (c: Context) => Promise<void> {
  const validators = [
    ...(route.body ? [examine("json", route.body)] : []),
    ...(route.paging ? [examine("query", route.paging.query)] : []),
    ...(route.params ? [examine("param", route.params)] : []),
  ];
  return async (c) => {
    for (const validate of validators) await validate(c, nothingBehind);
  };
}

const nothingBehind = async () => {};

function examine(target: Target, schema: z.ZodType): MiddlewareHandler {
  return zValidator(target, schema, undefined, {
    validationFunction: async (_, value) => ({
      success: true,
      data: { value, result: schema.safeParse(value) },
    }),
  });
}

interface Examined {
  value: unknown;
  result: z.ZodSafeParseResult<unknown>;
}

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
  const examined = (target: Target): Examined => c.req.valid(target as never);
  const { paging } = route;
  const query = paging && examined("query");
  const body = route.body && examined("json");
  const params = route.params && examined("param");
  const position = query && openCursor(paging.bound, query.value, url.pathname, seal);
  const details = [
    ...(url.search ? unseen(route, url).map((name) => unknownFault("query", name)) : []),
    ...(query ? faults("query", query) : []),
    ...(body ? faults("body", body) : []),
  ];
  if (details.length > 0) throw validationFailed(details);
  if (params && !params.result.success) throw new Problem("not_found", "There is no such resource.");
  return { params: params?.result.data, query: query?.result.data, body: body?.result.data, position };
}

/** The parameters that no schema sees: all of a route that takes none, and one without a name, which Hono passes over. */
function unseen({ paging }: Route, { searchParams }: URL): string[] {
  if (paging) return searchParams.has("") ? [""] : [];
  return [...new Set(searchParams.keys())];
}

/** A cursor is judged before the rest of the query: under parameters that do not parse, no cursor was ever made. */
function openCursor(bound: z.ZodObject, query: unknown, path: string, seal: CursorSeal) {
  const { cursor } = query as { cursor?: unknown };
  if (typeof cursor !== "string" || cursor === "") return undefined;
  const parsed = bound.safeParse(query);
  if (!parsed.success) throw invalidCursor();
  return seal.open(scopeOf(path, bound, parsed.data), cursor);
}

function faults(part: "query" | "body", { value, result }: Examined): Fault[] {
  return result.success ? [] : result.error.issues.flatMap((issue) => faultsOf(part, issue, value));
}

function faultsOf(part: "query" | "body", issue: z.core.$ZodIssue, root: unknown): Fault[] {
  const path = issue.path.join(".");
  const fault = (code: FaultCode, message: string): Fault[] => [{ in: part, path, code, message }];
  const value = issue.path.reduce<unknown>(
    (at, name) => (at as Record<PropertyKey, unknown> | undefined)?.[name],
    root,
  );
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownFault(part, key));
  if (part === "query" && Array.isArray(value)) return fault("invalid_format", "must be given once");
  if (value === undefined) return fault("required", "is required");
  switch (issue.code) {
    case "custom":
      return fault(issue.params?.code ?? "invalid_format", issue.message);
    case "invalid_type":
      if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
        return fault("out_of_range", "is too large for a number");
      }
      return fault("invalid_type", `must be ${TYPES[issue.expected] ?? issue.expected}`);
    case "too_small":
      return issue.origin === "string"
        ? fault("too_short", "must not be empty")
        : fault("out_of_range", `must be ${issue.minimum} or more`);
    case "too_big":
      return issue.origin === "string"
        ? fault("too_long", `must have ${issue.maximum} characters or fewer`)
        : fault("out_of_range", `must be ${issue.maximum} or less`);
    case "invalid_value":
      return fault("invalid_format", `must be one of ${issue.values.join(", ")}`);
    default:
      return fault("invalid_format", "has the wrong form");
  }
}

const TYPES: Record<string, string> = {
  object: "a JSON object",
  string: "a string",
  number: "a number",
  boolean: "true or false",
};

function unknownFault(part: "query" | "body", path: string): Fault {
  return {
    in: part,
    path,
    code: "unknown_field",
    message: part === "query" ? "is not a parameter here" : "is not a field here",
  };
}
