/** The endpoints for operators, and for developers who explore the API. */
import * as z from "zod";
import { PROBLEMS, type ProblemCode } from "../http/problems.ts";
import { route } from "../http/route.ts";
import { apiCatalog } from "./documents.ts";

const tag = { name: "Service", description: "For whoever runs and explores the service." };
const service = { tag, role: "public", method: "get", unlimited: true, problems: [] } as const;

const Health = z.strictObject({ status: z.literal("ok") }).meta({ id: "Health" });

const Readiness = z
  .strictObject({
    status: z.literal("ok"),
    replicas: z
      .strictObject({
        configured: z.int().meta({ minimum: 1, examples: [2] }),
        read: z.int().meta({ minimum: 0, examples: [2] }),
      })
      .optional()
      .meta({ description: "How many replicas there are, and how many of them are read." }),
  })
  .meta({ id: "Readiness" });

export const checkHealth = route({
  ...service,
  path: "/health",
  probe: true,
  name: "checkHealth",
  summary: "Check that the process responds, without querying the database",
  database: false,
  success: { 200: { description: "The process responds.", schema: Health } },
});

export const checkReadiness = route({
  ...service,
  path: "/ready",
  probe: true,
  name: "checkReadiness",
  summary: "Check that the database responds and has the schema that this version needs",
  database: true,
  success: { 200: { description: "The service is ready.", schema: Readiness } },
});

const notModified = { description: "Not modified.", headers: ["ETag"] } as const;

export const getDocument = route({
  ...service,
  path: "/openapi.json",
  name: "getDocument",
  summary: "Get this document",
  database: false,
  conditional: true,
  success: {
    200: {
      description: "The OpenAPI 3.1 document.",
      schema: z.looseObject({ openapi: z.string().meta({ examples: ["3.1.0"] }) }),
      headers: ["ETag"],
    },
    304: notModified,
  },
});

export const getDocumentAsYaml = route({
  ...getDocument,
  path: "/openapi.yaml",
  name: "getDocumentAsYaml",
  summary: "Get this document as YAML",
  success: {
    200: { description: "The OpenAPI 3.1 document.", types: ["application/yaml"], headers: ["ETag"] },
    304: notModified,
  },
});

const links = z.array(z.strictObject({ href: z.string(), type: z.string().optional() })).optional();

export const getApiCatalog = route({
  ...service,
  path: "/.well-known/api-catalog",
  name: "getApiCatalog",
  summary: "Get the catalogue of APIs at this host",
  database: false,
  success: {
    200: {
      description: "The API, and what describes it (RFC 9727).",
      types: ["application/linkset+json"],
      schema: z
        .strictObject({
          linkset: z.array(
            z.strictObject({
              anchor: z.string(),
              item: links,
              profile: links,
              "service-desc": links,
              "service-doc": links,
              status: links,
            }),
          ),
        })
        .meta({ id: "ApiCatalog", examples: [apiCatalog("https://books.example")] }),
      headers: ["Link"],
    },
  },
});

/** The response of `GET /problems/{code}`. */
export function problemType(error: ProblemCode) {
  const { title, status, meaning, remedy } = PROBLEMS[error];
  return { type: `/problems/${error}`, title, status, error, meaning, remedy };
}

export const explainProblem = route({
  ...service,
  path: "/problems/:code",
  name: "explainProblem",
  summary: "Explain an error code",
  database: false,
  params: z.object({ code: z.enum(Object.keys(PROBLEMS) as ProblemCode[]) }),
  success: {
    200: {
      description: "What the error means, and how to resolve it.",
      schema: z
        .strictObject({
          type: z.string(),
          title: z.string(),
          status: z.int(),
          error: z.string(),
          meaning: z.string(),
          remedy: z.string(),
        })
        .meta({ id: "ProblemType", examples: [problemType("conflict")] }),
    },
  },
});

export const showReference = route({
  ...service,
  path: "/docs",
  name: "showReference",
  summary: "Show this reference as a page",
  database: false,
  success: {
    200: { description: "A page where you can try every operation.", types: ["text/html; charset=utf-8"] },
  },
});

/** The files that the page loads, besides the OpenAPI document. */
export const DOCS_FILES = {
  "page.css": "text/css; charset=utf-8",
  "start.js": "text/javascript; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
  "token-dialog.js": "text/javascript; charset=utf-8",
} as const;

export const getReferenceFile = route({
  ...service,
  path: "/docs/:file",
  name: "getReferenceFile",
  summary: "Get a file of the reference",
  database: false,
  params: z.object({ file: z.enum(Object.keys(DOCS_FILES) as (keyof typeof DOCS_FILES)[]) }),
  success: { 200: { description: "The file.", types: [...new Set(Object.values(DOCS_FILES))] } },
});
