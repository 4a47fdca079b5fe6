import { request as httpRequest } from "node:http";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "vitest";

/** A response; `json` is the parsed body if it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape
  json: any;
}

export interface Options {
  /** Sent as JSON. */
  body?: unknown;
  /** Sent unchanged. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface Client {
  (method: string, path: string, options?: Options): Promise<Answer>;
  /** Operation and status of every response so far, such as `GET /api/v1/books 200`. */
  seen: Set<string>;
}

/**
 * Creates a client that checks every response against the server's OpenAPI document. An undocumented status, a missing
 * header or an invalid body fails the test.
 *
 * @param token sent with every request that does not set Authorization
 */
export async function createClient(origin: string, token?: string): Promise<Client> {
  const document = await (await fetch(`${origin}/openapi.json`)).text();
  // Without its origin, the document is that of other servers.
  const check = checkerOf(document.replaceAll(origin, ""));
  const seen = new Set<string>();
  const call = async (
    method: string,
    path: string,
    { body, raw, headers = {} }: Options = {},
  ): Promise<Answer> => {
    const payload = body === undefined ? raw : JSON.stringify(body);
    const response = await fetch(origin + path, {
      method,
      headers: {
        // Otherwise, Miniflare compresses every response.
        "Accept-Encoding": "identity",
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(token && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(payload !== undefined && { body: payload as BodyInit }),
      redirect: "manual",
    }).catch(failed(method, path));
    const text = await response.text().catch(failed(method, path));
    const json =
      /\bjson\b/.test(response.headers.get("Content-Type") ?? "") && text !== ""
        ? JSON.parse(text)
        : undefined;
    const answer = { status: response.status, headers: response.headers, text, json };
    const operation = check(method, path, answer);
    if (operation) seen.add(`${operation} ${answer.status}`);
    return answer;
  };
  return Object.assign(call, { seen });
}

/** Adds the request to a network error, which does not name it. */
const failed =
  (method: string, path: string) =>
  (error: Error): never => {
    const reasons = [error, error.cause].filter((reason) => reason instanceof Error);
    const messages = reasons.map(({ message }) => message).join(": ");
    throw new Error(`${method} ${path} got no complete response: ${messages}`, { cause: error });
  };

interface Documented {
  headers: Record<string, { $ref: string } | DocumentedHeader>;
  content?: Record<string, { schema: object }>;
}

interface DocumentedHeader {
  required: boolean;
  schema: object;
}

/** The parts of an OpenAPI document that the checks need. */
export interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, Documented> }>>;
  components: { schemas: { Problem: object }; headers: Record<string, DocumentedHeader> };
}

/** The test worker's checkers by document, because compiling its schemas takes longer than most tests. */
const checkers = new Map<string, ReturnType<typeof responseChecker>>();

function checkerOf(document: string): ReturnType<typeof responseChecker> {
  const check = checkers.get(document) ?? responseChecker(JSON.parse(document));
  checkers.set(document, check);
  return check;
}

/** Admits only documented members, where clients of the API have to admit others. */
const closed = (_: string, value: unknown) =>
  typeof value === "object" &&
  value !== null &&
  "properties" in value &&
  !Object.hasOwn(value, "additionalProperties")
    ? { ...value, additionalProperties: false }
    : value;

/** Creates a function that checks responses against a document. */
export function responseChecker(given: OpenApi) {
  const document: OpenApi = JSON.parse(JSON.stringify(given), closed);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  const compiled = new Map<unknown, ValidateFunction>();
  const validatorOf = (schema: object): ValidateFunction => {
    const validate = compiled.get(schema) ?? ajv.compile({ ...schema, components: document.components });
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

  /** @returns the operation that responded, or undefined if the router did */
  return (method: string, path: string, answer: Answer): string | undefined => {
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
/** Headers of the connection, of CORS, or of every response, which the document does not list. */
const GENERAL =
  /^(access-control-.*|connection|content-(encoding|length|security-policy|type)|date|keep-alive|transfer-encoding|vary|x-content-type-options)$/;
const NEVER = ["Server", "X-Powered-By", "Set-Cookie", "Access-Control-Allow-Credentials"];

/** Checks the headers that every response has and those that none has. */
export function expectSafe(headers: Headers, where?: string): void {
  const missing = ALWAYS.filter(([name, form]) => !form.test(headers.get(name) ?? ""));
  const names = [...missing.map(([name]) => name), ...NEVER.filter((name) => headers.has(name))];
  expect(names, where).toEqual([]);
}

/**
 * Sends a request that `fetch` cannot send: with any Host, with a chunked body, or from another local address.
 *
 * @param chunks the body, written chunk by chunk
 */
export function rawRequest(
  origin: string,
  {
    method = "GET",
    path = "/",
    headers = {},
    chunks = [],
    localAddress,
  }: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    chunks?: Uint8Array[];
    localAddress?: string;
  },
): Promise<Pick<Answer, "status" | "headers" | "text">> {
  return new Promise<Pick<Answer, "status" | "headers" | "text">>((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const options = { hostname: hostname.replace(/^\[|\]$/g, ""), port, method, path, headers, localAddress };
    const request = httpRequest(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("error", reject).on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(response.headers as Record<string, string>),
          text,
        }),
      );
    });
    request.on("error", reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  }).catch(failed(method, path));
}
