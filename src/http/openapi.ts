import * as z from "zod";
import { IDEMPOTENCY_KEY } from "./idempotency.ts";
import { FAULT_CODES, PROBLEMS, type ProblemCode } from "./problem.ts";
import { type DocumentedHeader, queryOf, type Route, type Success, TAGS } from "./route.ts";

type Json = Record<string, unknown>;

/**
 * The problems that a route can answer with: those that follow from its declaration, and its own.
 */
export function refusals(route: Route): ProblemCode[] {
  return [
    ...(route.paging ? (["invalid_cursor"] as const) : []),
    ...(route.conditional ? (["invalid_header", "precondition_failed"] as const) : []),
    ...(route.method === "post"
      ? (["invalid_header", "idempotency_in_progress", "idempotency_mismatch"] as const)
      : []),
    ...(route.body
      ? (["invalid_json", "request_timeout", "payload_too_large", "unsupported_media_type"] as const)
      : []),
    "validation_failed",
    ...(route.params ? (["not_found"] as const) : []),
    ...(route.role === "public" ? [] : (["unauthorized", "forbidden"] as const)),
    ...(route.database ? (["database_unavailable"] as const) : []),
    "misdirected_request",
    "service_unavailable",
    ...route.problems,
  ];
}

/** The OpenAPI 3.1 document of the routes, made of the schemas that validate them. */
export function openapiDocument(routes: readonly Route[]): Json {
  const schemas: Json = {};
  const schemaOf = (schema: z.ZodType, io: "input" | "output") => hoist(schema, io, schemas);
  schemaOf(PROBLEM, "output");
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] ??= {};
    paths[path][route.method] = operation(route, schemaOf);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Octavo",
      version: "1.0.0",
      summary: "A bookstore catalogue and stock API",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas,
      headers: HEADERS,
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

function operation(route: Route, schemaOf: (schema: z.ZodType, io: "input" | "output") => Json): Json {
  return {
    operationId: route.name,
    summary: route.summary,
    tags: [route.tag],
    ...(route.role === "public" ? { security: [] } : { security: [{ token: [] }], "x-role": route.role }),
    parameters: [
      ...(route.params ? parameters("path", route.params) : []),
      ...parameters("query", queryOf(route)),
      ...(route.conditional ? CONDITIONAL_HEADERS : []),
      ...(route.method === "post" ? [IDEMPOTENCY_KEY_HEADER] : []),
    ],
    ...(route.body && {
      requestBody: {
        required: true,
        content: Object.fromEntries(
          ["application/json", ...(route.method === "patch" ? ["application/merge-patch+json"] : [])].map(
            (type) => [type, { schema: schemaOf(route.body as z.ZodType, "input") }],
          ),
        ),
      },
    }),
    responses: { ...successes(route, schemaOf), ...problems(route) },
  };
}

function successes(route: Route, schemaOf: (schema: z.ZodType, io: "output") => Json): Json {
  return Object.fromEntries(
    Object.entries(route.success).map(
      ([status, { description, schema, headers = [] }]: [string, Success]) => [
        status,
        {
          description,
          headers: headerRefs([
            "X-Request-Id",
            ...headers,
            ...(route.method === "post" ? (["Idempotency-Replayed"] as const) : []),
          ]),
          ...(schema && { content: { "application/json": { schema: schemaOf(schema, "output") } } }),
        },
      ],
    ),
  );
}

function problems(route: Route): Json {
  const refused = refusals(route);
  const statuses = new Set(refused.map((code) => PROBLEMS[code].status));
  return Object.fromEntries(
    [...statuses]
      .map((status) => [status, refused.filter((code) => PROBLEMS[code].status === status)] as const)
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [
        status,
        {
          description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].meaning}`).join("\n\n"),
          headers: headerRefs([
            "X-Request-Id",
            ...(status === 401 ? (["WWW-Authenticate"] as const) : []),
            ...(status === 503 ? (["Retry-After"] as const) : []),
          ]),
          content: {
            "application/problem+json": {
              schema: {
                allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { error: { enum: codes } } }],
              },
            },
          },
        },
      ]),
  );
}

/** Schemas with a name (`meta({ id })`) go to the components; the rest stays where it is. */
function hoist(schema: z.ZodType, io: "input" | "output", components: Json): Json {
  const { $schema: _, $defs = {}, ...root } = jsonSchemaOf(schema, io);
  Object.assign(components, $defs);
  const name = schema.meta()?.id;
  if (!name || "$ref" in root) return root;
  components[name] = root;
  return { $ref: `#/components/schemas/${name}` };
}

function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const written = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    // zod leaves out the default of what is transformed.
    override: ({ zodSchema: { _zod }, jsonSchema }) => {
      if (_zod.def.type === "default") jsonSchema.default = _zod.def.defaultValue as never;
    },
  });
  // References point at the components, and the names that zod repeats as `id` go.
  return JSON.parse(JSON.stringify(written), (key, value) => {
    if (key === "$ref") return String(value).replace("#/$defs/", "#/components/schemas/");
    if (typeof value?.id === "string") delete value.id;
    return value;
  });
}

function parameters(place: "path" | "query", object: z.ZodObject): Json[] {
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
  }));
}

const CONDITIONAL_HEADERS = ["If-Match", "If-None-Match"].map((name) => ({
  name,
  in: "header",
  required: false,
  description: "* or a list of entity tags (RFC 9110, section 13).",
  schema: { type: "string" },
}));

const IDEMPOTENCY_KEY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "Makes it safe to send the request again: its effect happens once in 24 hours.",
  schema: { type: "string", pattern: IDEMPOTENCY_KEY.source },
};

type AnyHeader =
  | DocumentedHeader
  | "X-Request-Id"
  | "WWW-Authenticate"
  | "Retry-After"
  | "Idempotency-Replayed";

const HEADERS: Record<AnyHeader, Json> = {
  "X-Request-Id": header("The client's own where it has the right form, otherwise a new one."),
  "WWW-Authenticate": header("How to authenticate (RFC 6750)."),
  "Retry-After": header("Seconds to wait."),
  "Cache-Control": header("How long the answer may be kept."),
  ETag: header("The resource's version, a strong entity tag."),
  Link: header("next, prev and first page (RFC 8288)."),
  Location: header("Where the new resource is."),
  "Idempotency-Replayed": {
    ...header("true, where this is the answer that an earlier request with the same Idempotency-Key got."),
    required: false,
  },
};

function header(description: string): Json {
  return { description, required: true, schema: { type: "string" } };
}

function headerRefs(names: readonly AnyHeader[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** The body of every refusal. */
export const PROBLEM = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    error: z.enum(Object.keys(PROBLEMS) as ProblemCode[]),
    message: z.string(),
    detail: z.string(),
    request_id: z.string(),
    available: z.int().optional().meta({ description: "The stock there is; with insufficient_stock alone." }),
    details: z
      .array(
        z.strictObject({
          in: z.enum(["body", "query", "path", "header"]),
          path: z.string(),
          code: z.enum(FAULT_CODES),
          message: z.string(),
        }),
      )
      .optional(),
  })
  .meta({
    id: "Problem",
    if: { properties: { error: { const: "insufficient_stock" } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ["available"] },
    else: { properties: { available: false } },
  });
