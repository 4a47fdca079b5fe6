/** The endpoints for operators, and for developers who explore the API. */
import * as z from "zod";
import { PROBLEMS, type ProblemCode } from "../http/problems.ts";
import { route } from "../http/route.ts";

const service = { tag: "Service", role: "public", method: "get", unlimited: true, problems: [] } as const;

const Health = z.strictObject({ status: z.literal("ok") }).meta({ id: "Health" });

export const health = route({
  ...service,
  path: "/health",
  name: "health",
  summary: "Tell whether the process answers, without asking the database",
  database: false,
  success: { 200: { description: "It does.", schema: Health } },
});

export const ready = route({
  ...service,
  path: "/ready",
  name: "ready",
  summary:
    "Tell whether requests can be served: the database answers and has the schema that this version needs",
  database: true,
  success: { 200: { description: "They can.", schema: Health } },
});

export const openapi = route({
  ...service,
  path: "/openapi.json",
  name: "openapi",
  summary: "This document",
  database: false,
  success: {
    200: {
      description: "OpenAPI 3.1.",
      schema: z.looseObject({ openapi: z.string().meta({ examples: ["3.1.0"] }) }),
    },
  },
});

/** The response of `GET /problems/{error}`. */
export function problemType(error: ProblemCode) {
  const { title, status, meaning, remedy } = PROBLEMS[error];
  return { type: `/problems/${error}`, title, status, error, meaning, remedy };
}

export const problem = route({
  ...service,
  path: "/problems/:error",
  name: "problem",
  summary: "Explain a type of problem",
  database: false,
  params: z.object({ error: z.enum(Object.keys(PROBLEMS) as ProblemCode[]) }),
  success: {
    200: {
      description: "What it means, and how to mend it.",
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

export const docs = route({
  ...service,
  path: "/docs",
  name: "docs",
  summary: "This reference, for people",
  database: false,
  success: {
    200: { description: "A page where every operation can be tried.", types: ["text/html; charset=utf-8"] },
  },
});

/** The files that the page loads, besides this document. */
export const DOCS_FILES = {
  "start.js": "text/javascript; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
} as const;

export const docsFile = route({
  ...service,
  path: "/docs/:file",
  name: "docsFile",
  summary: "A file of the reference",
  database: false,
  params: z.object({ file: z.enum(Object.keys(DOCS_FILES) as (keyof typeof DOCS_FILES)[]) }),
  success: { 200: { description: "The file.", types: [...new Set(Object.values(DOCS_FILES))] } },
});
