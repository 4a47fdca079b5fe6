import * as z from "zod";
import { REQUEST_ID_FORM } from "./exchange.ts";
import { IDEMPOTENCY_KEY } from "./idempotency-key.ts";
import {
  FAULT_CODES,
  MAX_DETAILS,
  PROBLEMS,
  Problem,
  type ProblemCode,
  validationFailed,
} from "./problem.ts";
import {
  type DocumentedHeader,
  isKeyed,
  type JsonBody,
  type Route,
  type StreamBody,
  type Success,
  TAGS,
} from "./route.ts";

type Json = Record<string, unknown>;

/** The problems of a route: those that follow from its declaration, and its own. */
export function problemsOf(route: Route): ProblemCode[] {
  return [
    ...(route.paging ? (["invalid_cursor"] as const) : []),
    ...(route.conditional ? (["precondition_failed"] as const) : []),
    ...(isKeyed(route) ? (["idempotency_in_progress", "idempotency_mismatch"] as const) : []),
    ...(route.body
      ? (["invalid_json", "request_timeout", "payload_too_large", "unsupported_media_type"] as const)
      : []),
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

/** The OpenAPI 3.1 document of the routes, made from the schemas that validate them. */
export function openapiDocument(routes: readonly Route[]): Json {
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
      version: "1.0.0",
      summary: "A bookstore catalogue and stock API",
      description: CONVENTIONS,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The server that this document comes from." }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
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
    tags: [route.tag],
    ...(route.role !== "public" && { description: `Needs a token with the role \`${route.role}\`.` }),
    // For a token that is not OAuth, these are the required roles (OpenAPI 3.1, 4.8.30).
    security: route.role === "public" ? [] : [{ token: [route.role] }],
    parameters: [
      ...(route.params ? parameters("path", route.params) : []),
      ...(route.paging ? parameters("query", route.paging.query) : []),
      ...(route.conditional ? CONDITIONAL_HEADERS : []),
      ...(isKeyed(route) ? [IDEMPOTENCY_KEY_HEADER] : []),
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
      ([status, { description, schema, types = [], headers = [] }]: [string, Success]) => [
        status,
        {
          description,
          headers: headersOf([
            ...headers,
            ...quotaHeaders(route),
            ...(isKeyed(route) ? (["Idempotency-Replayed"] as const) : []),
          ]),
          ...(schema && { content: { "application/json": contentOf(schema, "output") } }),
          ...(types.length > 0 && {
            content: Object.fromEntries(types.map((type) => [type, { schema: { type: "string" } }])),
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
          headers: problemHeaders(codes, quotaHeaders(route)),
          content: {
            "application/problem+json": {
              schema: {
                allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { error: { enum: codes } } }],
              },
              examples: Object.fromEntries(
                codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
              ),
            },
          },
        },
      ]),
  );
}

/** Moves schemas with a name (`meta({ id })`) to the components. */
function hoist(schema: z.ZodType, io: "input" | "output", components: Record<string, Json>): Json {
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
    // zod omits the default and the examples of a transformed schema.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      const { examples } = z.globalRegistry.get(zodSchema) ?? {};
      if (def.type === "default") jsonSchema.default = def.defaultValue as never;
      if (examples) jsonSchema.examples = examples as never;
    },
  });
  // References must point to the components, and zod repeats names as `id`.
  return JSON.parse(JSON.stringify(written), (key, value) => {
    if (key === "$ref") return String(value).replace("#/$defs/", "#/components/schemas/");
    if (typeof value?.id === "string") delete value.id;
    return value;
  });
}

/** An example of a schema, made from the examples of its members; a member without one is omitted. */
function exampleOf(schema: Json, components: Record<string, Json>): unknown {
  const {
    $ref,
    examples,
    enum: values,
    anyOf,
    items,
    properties,
  } = schema as {
    $ref?: string;
    examples?: unknown[];
    enum?: unknown[];
    anyOf?: Json[];
    items?: Json;
    properties?: Record<string, Json>;
  };
  if ($ref) return exampleOf(components[$ref.replace(/.*\//, "")] ?? {}, components);
  if (examples) return examples[0];
  if ("const" in schema) return schema.const;
  if ("default" in schema) return schema.default;
  if (values) return values[0];
  if (anyOf?.[0]) return exampleOf(anyOf[0], components);
  if (items) return [exampleOf(items, components)];
  if (!properties) return undefined;
  const members = Object.entries(properties).map(([name, member]) => [name, exampleOf(member, components)]);
  return Object.fromEntries(members.filter(([, example]) => example !== undefined));
}

function problemExample(code: ProblemCode): Json {
  const { title, meaning } = PROBLEMS[code];
  const fault = {
    in: "query",
    path: "colour",
    code: "unknown_field",
    message: "is not a parameter here",
  } as const;
  const problem =
    code === "validation_failed"
      ? validationFailed([fault])
      : new Problem(code, meaning, code === "insufficient_stock" ? { extension: { available: 3 } } : {});
  return { summary: title, value: problem.body(REQUEST_ID) };
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

const CONVENTIONS = `\
Every refusal is a problem (RFC 9457): program against its member \`error\`, which is stable; \`type\` leads to an explanation.
A path that is not here is 404 \`not_found\`. A method that a path does not have is 405 \`method_not_allowed\`, with \`Allow\`.
Every GET answers HEAD too, and every path OPTIONS. A 500 \`internal_error\` is a defect of the server; please report its
\`request_id\`.

Send \`X-Request-Id\` to give a request a name of your own: the answer carries it, and so does the server's log.`;

const TOKEN = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description:
    "Its claim `roles` is an array of strings: `clerk`, `editor`, who may do what a clerk may, and `admin`, who may do everything.",
};

const CONDITIONAL_HEADERS = ["If-Match", "If-None-Match"].map((name) => ({
  name,
  in: "header",
  required: false,
  description: "* or a list of entity tags (RFC 9110, section 13).",
  schema: { type: "string", format: "entity-tags" },
}));

const IDEMPOTENCY_KEY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "Makes it safe to send the request again: its effect happens once in 24 hours.",
  schema: { type: "string", pattern: IDEMPOTENCY_KEY.source },
};

const REQUEST_ID = "5c2f1c4e-6d0b-4a57-9f83-0e1d2b3c4a5f";

type AnyHeader =
  | DocumentedHeader
  | "Cache-Control"
  | "X-Request-Id"
  | "WWW-Authenticate"
  | "Retry-After"
  | "RateLimit"
  | "RateLimit-Policy"
  | "Idempotency-Replayed";

const quotaHeaders = ({ unlimited }: Route) =>
  unlimited ? [] : (["RateLimit", "RateLimit-Policy"] as const);

/** The header that a problem has beyond those of every response. */
const PROBLEM_HEADERS: Partial<Record<ProblemCode, AnyHeader>> = {
  unauthorized: "WWW-Authenticate",
  forbidden: "WWW-Authenticate",
  idempotency_in_progress: "Retry-After",
  rate_limited: "Retry-After",
  database_unavailable: "Retry-After",
  service_unavailable: "Retry-After",
};

const HEADERS: Record<AnyHeader, Json> = {
  "X-Request-Id": header("The client's own where it has the right form, otherwise a new one.", REQUEST_ID, {
    pattern: REQUEST_ID_FORM.source,
  }),
  "WWW-Authenticate": header("How to authenticate (RFC 6750).", 'Bearer realm="octavo"'),
  "Retry-After": header("Seconds to wait.", "1", { pattern: "^[0-9]+$" }),
  "Cache-Control": header("How long the answer may be kept.", "no-store"),
  ETag: header("The resource's version, a strong entity tag.", '"0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30.3"', {
    pattern: '^"[^"]+"$',
  }),
  Link: {
    ...header(
      "next, prev and first page (RFC 8288); of a page by cursor, unless together they are longer than 4 KiB.",
      '</api/v1/books>; rel="first"',
    ),
    required: false,
  },
  Location: header("Where the new resource is.", "/api/v1/books/0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30", {
    format: "uri-reference",
  }),
  RateLimit: {
    ...header(
      "What is left of the quota, and the seconds until it is whole again, where the runtime knows them.",
      '"default";r=599;t=60',
    ),
    required: false,
  },
  "RateLimit-Policy": {
    ...header(
      "The quota, requests and seconds, where the runtime knows it (draft-ietf-httpapi-ratelimit-headers).",
      '"default";q=600;w=60',
    ),
    required: false,
  },
  "Idempotency-Replayed": {
    ...header("This is the answer that an earlier request with the same Idempotency-Key got.", "true", {
      const: "true",
    }),
    required: false,
  },
};

function header(description: string, example: string, form: Json = {}): Json {
  return { description, required: true, schema: { type: "string", ...form }, example };
}

/** The headers of every response, those of this one, and those that it has only sometimes. */
function headersOf(names: readonly AnyHeader[], sometimes: readonly AnyHeader[] = []): Json {
  const refs = ["X-Request-Id", "Cache-Control", ...names] as const;
  return Object.fromEntries([
    ...refs.map((name) => [name, { $ref: `#/components/headers/${name}` }]),
    ...sometimes.map((name) => [name, { ...HEADERS[name], required: false }]),
  ]);
}

function problemHeaders(codes: readonly ProblemCode[], always: readonly AnyHeader[]): Json {
  const names = [...new Set(codes.flatMap((code) => PROBLEM_HEADERS[code] ?? []))];
  const isShared = (name: AnyHeader) => codes.every((code) => PROBLEM_HEADERS[code] === name);
  return headersOf(
    [...always, ...names.filter(isShared)],
    names.filter((name) => !isShared(name)),
  );
}

/** The body of every problem. */
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
    id: z.string().optional().meta({ description: "The resource in the way; with conflict alone." }),
    isbn: z.string().optional().meta({ description: "The ISBN that it has; with conflict alone." }),
    details: z
      .array(
        z.strictObject({
          in: z.enum(["body", "query", "path", "header"]),
          path: z.string(),
          code: z.enum(FAULT_CODES),
          message: z.string(),
        }),
      )
      .max(MAX_DETAILS)
      .optional(),
    details_omitted: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "How many more faults there are; absent where details has them all." }),
  })
  .meta({
    id: "Problem",
    if: { properties: { error: { const: "insufficient_stock" } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { available: { type: "integer" } }, required: ["available"] },
    else: { properties: { available: false } },
  });
