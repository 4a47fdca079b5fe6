/** Checks responses against the OpenAPI document. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "vitest";
import type { Answer } from "./client.ts";

interface Documented {
  headers: Record<string, { $ref: string } | DocumentedHeader>;
  content?: Record<string, { schema: object }>;
}

interface DocumentedHeader {
  required: boolean;
  schema: object;
}

/** The parts of an OpenAPI document that the checks need. */
interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, Documented> }>>;
  components: {
    schemas: { Problem: object; [name: string]: object };
    headers: Record<string, DocumentedHeader>;
  };
}

/** Checks a response against a document. @returns the operation that responded, or undefined if the router did */
export type Check = (method: string, path: string, answer: Answer) => string | undefined;

/** The test worker's checks by document, because compiling its schemas takes longer than most tests. */
const checks = new Map<string, Check>();

/** The check of responses against the document of a server, and the document's text. */
export async function checkerOf(origin: string): Promise<{ check: Check; document: string }> {
  const document = await (await fetch(`${origin}/openapi.json`)).text();
  // Without its origin, the document is that of other servers.
  const key = document.replaceAll(origin, "");
  const check = checks.get(key) ?? responseChecker(key);
  checks.set(key, check);
  return { check, document };
}

const SCHEMAS = "/components/schemas/";

function revive(key: string, value: unknown): unknown {
  // Refers to the schemas that are added to Ajv, which compiles each of them once.
  if (key === "$ref" && typeof value === "string") return value.replace(`#${SCHEMAS}`, SCHEMAS);
  // Admits only documented members, where clients of the API have to admit others.
  const isOpen =
    typeof value === "object" &&
    value !== null &&
    "properties" in value &&
    !Object.hasOwn(value, "additionalProperties");
  return isOpen ? { ...value, additionalProperties: false } : value;
}

function responseChecker(text: string): Check {
  const document: OpenApi = JSON.parse(text, revive);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  for (const [name, schema] of Object.entries(document.components.schemas))
    ajv.addSchema(schema, SCHEMAS + name);
  const compiled = new Map<object, ValidateFunction>();
  const validatorOf = (schema: object): ValidateFunction => {
    const validate = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, validate);
    return validate;
  };
  const expectValid = (schema: object, value: unknown, where: string) => {
    const validate = validatorOf(schema);
    validate(value);
    expect(validate.errors ?? [], where).toEqual([]);
  };
  const templates = Object.keys(document.paths).map((template) => ({
    template,
    pattern: new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`),
  }));

  return (method, path, answer) => {
    const where = `${method} ${path} answered ${answer.status} ${answer.text.slice(0, 300)}`;
    expect(answer.headers.get("X-Request-Id") ?? "", where).toMatch(/^[\w\-=.]{1,128}$/);
    expect(answer.status, where).not.toBe(500);
    expectSafe(answer.headers, where);
    if (answer.json !== undefined)
      expect(JSON.stringify(answer.json), "JSON without white space").toBe(answer.text);
    const pathname = decoded(new URL(`http://x${path}`).pathname);
    const matching = templates.filter(({ pattern }) => pattern.test(pathname));
    // If two templates match, the one with fewer parameters applies, as in /books/isbn/{isbn}.
    const template = matching.sort((a, b) => a.template.split("{").length - b.template.split("{").length)[0]
      ?.template;
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    const operation = template === undefined ? undefined : document.paths[template]?.[verb];
    if (template === undefined || !operation) {
      if (method === "OPTIONS" || method === "HEAD") return undefined;
      const type = answer.headers.get("Content-Type");
      if (!PAGES.test(pathname)) expect([404, 405, 421], where).toContain(answer.status);
      if (answer.status >= 400 && type !== "text/html; charset=utf-8")
        expectValid(document.components.schemas.Problem, answer.json, where);
      return undefined;
    }
    const documented = operation.responses[answer.status];
    if (!documented) throw new Error(`undocumented status: ${where}`);
    const names = new Set<string>();
    for (const [name, header] of Object.entries(documented.headers)) {
      const { required, schema } = ("$ref" in header ? document.components.headers[name] : header) ?? {};
      const value = answer.headers.get(name);
      if (value === null) expect(required, `${where} without ${name}, which is required`).toBe(false);
      else expect(schema && validatorOf(schema)(value), `${where} with ${name}: ${value}`).toBe(true);
      names.add(name.toLowerCase());
    }
    const undocumented = [...answer.headers.keys()].filter((name) => !names.has(name) && !GENERAL.test(name));
    expect(undocumented, where).toEqual([]);
    if (method !== "HEAD") {
      if (!documented.content) expect(answer.text, where).toBe("");
      else {
        const type = answer.headers.get("Content-Type") ?? "";
        expect(Object.keys(documented.content ?? {}), where).toContain(type);
        expectValid(documented.content[type]?.schema ?? {}, answer.json ?? answer.text, where);
      }
    }
    return `${verb.toUpperCase()} ${template}`;
  };
}

/** What people and search engines get is no part of the document. */
const PAGES = /^\/($|(books|assets|sitemaps)\/|(sitemap\.xml|robots\.txt|opensearch\.xml)$)/;

/** Decodes escapes except those of reserved characters: an escaped slash is not a slash (RFC 3986, section 2.2). */
function decoded(pathname: string): string {
  try {
    return decodeURI(pathname);
  } catch {
    return pathname;
  }
}

/** Headers of every response. */
const ALWAYS = Object.entries({
  "X-Content-Type-Options": /^nosniff$/,
  "Content-Security-Policy": /frame-ancestors 'none'/,
  "Cache-Control": /no-store|no-cache|max-age/,
});
/** Headers of the connection, of CORS, for operators, or of every response, which the document does not list. */
const GENERAL =
  /^(access-control-.*|connection|content-(encoding|length|security-policy|type)|date|keep-alive|server-timing|transfer-encoding|vary|x-content-type-options)$/;
const NEVER = ["Server", "X-Powered-By", "Set-Cookie", "Access-Control-Allow-Credentials"];

/** Checks the headers that every response has and those that none has. */
export function expectSafe(headers: Headers, where?: string): void {
  const missing = ALWAYS.filter(([name, form]) => !form.test(headers.get(name) ?? ""));
  const names = [...missing.map(([name]) => name), ...NEVER.filter((name) => headers.has(name))];
  expect(names, where).toEqual([]);
}
