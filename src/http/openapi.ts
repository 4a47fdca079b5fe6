import type * as z from "zod";
import { version } from "../manifest.ts";
import { IDEMPOTENCY_KEY } from "./idempotency-key.ts";
import { exampleOf, hoist, type Json, jsonSchemaOf } from "./json-schema.ts";
import {
  cacheHeaders,
  HEADERS,
  headersOf,
  positionHeader,
  problemHeaders,
  quotaHeaders,
  REQUEST_ID,
} from "./openapi-headers.ts";
import { POSITION, POSITION_FORM } from "./position.ts";
import { type Extension, Problem, validationFailed } from "./problem.ts";
import { PROBLEM } from "./problem-schema.ts";
import { PROBLEMS, type ProblemCode } from "./problems.ts";
import { isKeyed, type JsonBody, type Route, type StreamBody, type Success } from "./route.ts";

/** The problems of a route: those that follow from its declaration, and its own. */
export function problemsOf(route: Route): ProblemCode[] {
  return [
    ...(route.paging ? (["invalid_cursor"] as const) : []),
    ...(route.conditional ? (["precondition_failed"] as const) : []),
    ...(isKeyed(route) ? (["idempotency_in_progress", "idempotency_mismatch"] as const) : []),
    // An incomplete body is invalid JSON too, but of a stream nobody is there any more who could be told.
    ...(route.body?.kind === "json" ? (["invalid_json"] as const) : []),
    ...(route.body ? (["request_timeout", "payload_too_large", "unsupported_media_type"] as const) : []),
    "invalid_header",
    "validation_failed",
    ...(route.params ? (["not_found"] as const) : []),
    ...(route.role === "public" ? [] : (["unauthorized", "forbidden"] as const)),
    ...(route.unlimited ? [] : (["rate_limited"] as const)),
    ...(route.database ? (["database_unavailable"] as const) : []),
    "misdirected_request",
    "service_unavailable",
    ...route.problems,
  ];
}

/**
 * The OpenAPI 3.1 document of the routes, made from the schemas that validate them.
 *
 * @param server the origin of the API
 */
export function openapiDocument(routes: readonly Route[], server: string): Json {
  const schemas: Record<string, Json> = {};
  const contentOf: ContentOf = (schema, io) => {
    const written = hoist(schema, io, schemas);
    return { schema: written, example: exampleOf(written, schemas) };
  };
  hoist(PROBLEM, "output", schemas);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] ??= {};
    paths[path][route.method] = operation(route, contentOf);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Octavo",
      version,
      summary: "A bookstore catalogue and stock API",
      description: CONVENTIONS,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: server, description: "The server that serves this document." }],
    tags: [...new Map(routes.map(({ tag }) => [tag.name, tag])).values()],
    paths,
    components: {
      schemas,
      examples: Object.fromEntries(routes.flatMap(problemsOf).map((code) => [code, problemExample(code)])),
      headers: HEADERS,
      securitySchemes: { token: TOKEN },
    },
  };
}

/** Makes the schema and the example of a body. */
type ContentOf = (schema: z.ZodType, io: "input" | "output") => { schema: Json; example: unknown };

function operation(route: Route, contentOf: ContentOf): Json {
  return {
    operationId: route.name,
    summary: route.summary,
    tags: [route.tag.name],
    ...(route.role !== "public" && { description: `Requires a token with the role \`${route.role}\`.` }),
    // For a token that is not OAuth, these are the required roles (OpenAPI 3.1, 4.8.30).
    security: route.role === "public" ? [] : [{ token: [route.role] }],
    parameters: [
      ...parameters("path", route.params),
      ...parameters("query", route.paging?.query ?? route.query),
      ...(route.conditional ? CONDITIONAL_HEADERS : []),
      ...(isKeyed(route) ? [IDEMPOTENCY_KEY_HEADER] : []),
      ...(route.method === "get" && route.database && !route.probe ? [POSITION_HEADER] : []),
    ],
    ...(route.body && { requestBody: requestBody(route.body, contentOf) }),
    responses: { ...successes(route, contentOf), ...problems(route) },
  };
}

function requestBody(body: JsonBody | StreamBody, contentOf: ContentOf): Json {
  const contentFor = () => (body.kind === "json" ? contentOf(body.schema, "input") : {});
  return { required: true, content: Object.fromEntries(body.types.map((type) => [type, contentFor()])) };
}

function successes(route: Route, contentOf: ContentOf): Json {
  return Object.fromEntries(
    Object.entries(route.success).map(
      ([status, { description, schema, types, headers = [] }]: [string, Success]) => [
        status,
        {
          description,
          headers: headersOf([
            ...headers,
            ...cacheHeaders(route),
            ...quotaHeaders(route),
            ...positionHeader(route),
            ...(isKeyed(route) ? (["Idempotency-Replayed"] as const) : []),
          ]),
          ...((schema || types) && {
            content: Object.fromEntries(
              (types ?? ["application/json"]).map((type) => [
                type,
                schema ? contentOf(schema, "output") : { schema: { type: "string" } },
              ]),
            ),
          }),
        },
      ],
    ),
  );
}

function problems(route: Route): Json {
  const all = problemsOf(route);
  const statuses = new Set(all.map((code) => PROBLEMS[code].status));
  return Object.fromEntries(
    [...statuses]
      .map((status) => [status, all.filter((code) => PROBLEMS[code].status === status)] as const)
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [
        status,
        {
          description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].meaning}`).join("\n\n"),
          headers: problemHeaders(codes, [...quotaHeaders(route), ...positionHeader(route)]),
          content: {
            "application/problem+json": {
              // One type for all errors, so that a caller handles them in one place.
              schema: { $ref: "#/components/schemas/Problem" },
              examples: Object.fromEntries(
                codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
              ),
            },
          },
        },
      ]),
  );
}

function problemExample(code: ProblemCode): Json {
  const { title, meaning } = PROBLEMS[code];
  const error = {
    in: "query",
    path: "colour",
    code: "unknown_field",
    message: "is not a known parameter",
  } as const;
  const problem =
    code === "validation_failed"
      ? validationFailed([error])
      : new Problem(code, meaning, { extension: EXTENSIONS[code] ?? {} });
  return { summary: title, value: problem.body(REQUEST_ID) };
}

/** The members that single problems have. */
const EXTENSIONS: Partial<Record<ProblemCode, Extension>> = {
  conflict: { id: "0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30", isbn: "9780486272634" },
  insufficient_stock: { available: 3 },
};

function parameters(place: "path" | "query", object: z.ZodObject | undefined): Json[] {
  if (!object) return [];
  const { properties, required = [] } = jsonSchemaOf(object, "input") as {
    properties: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
    // Tools fill in the example of a parameter, but not those of its schema. All optional ones together find nothing.
    ...(required.includes(name) && Array.isArray(schema.examples) && { example: schema.examples[0] }),
  }));
}

const CONVENTIONS = `\
Every error is a problem (RFC 9457). Program against its member \`error\`, which is stable. \`type\` is the URL of an explanation.
An unknown path is 404 \`not_found\`. An unsupported method is 405 \`method_not_allowed\`, with \`Allow\`. Every GET also answers
HEAD, and every path answers OPTIONS. A 500 \`internal_error\` is a defect of the server; please report its \`request_id\`.

Send \`X-Request-Id\` to choose the id of a request. The response and the server's log carry it.`;

const TOKEN = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description:
    "A token with a role: `clerk`, `editor` (includes `clerk`) or `admin` (includes both). If it is rejected, `message` and `WWW-Authenticate` say which check failed.",
};

/** With these examples, a request succeeds. */
const CONDITIONAL_HEADERS = [
  ["If-Match", "*"],
  ["If-None-Match", '"0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30.1.1"'],
].map(([name, example]) => ({
  name,
  in: "header",
  required: false,
  description: "`*` or a list of entity tags (RFC 9110, section 13).",
  schema: { type: "string", format: "entity-tags", examples: [example] },
}));

const POSITION_HEADER = {
  name: POSITION,
  in: "header",
  required: false,
  description:
    "The position of your last write: the response then includes it. One of another database is ignored.",
  schema: { type: "string", pattern: POSITION_FORM.source },
};

/** It has no example, because a key belongs to one request. */
const IDEMPOTENCY_KEY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "Makes it safe to retry the request: within 24 hours, its effect happens once.",
  schema: { type: "string", pattern: IDEMPOTENCY_KEY.source },
};
