/** The document at /openapi.json: complete, well-formed, and generated from the validating schemas. */
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { beforeAll, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { parseIsbn } from "../../src/books/isbn.ts";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { startWorker } from "../support/worker.ts";

/** Those of this API. */
const formats = {
  isbn: (text: string) => parseIsbn(text) !== undefined,
  "entity-tags": true,
  double: true,
} as const;

let api: Client;
// biome-ignore lint/suspicious/noExplicitAny: the test reads all of the document
let document: any;

beforeAll(async () => {
  api = await createClient((await startWorker(await createTestDatabase())).url);
  document = (await api("GET", "/openapi.json")).json;
});

const operations = () =>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  Object.entries<any>(document.paths).flatMap(([path, item]) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    Object.entries<any>(item).map(([method, operation]) => ({ path, method, operation })),
  );

test("the document is OpenAPI 3.1, has the version of the package, and may be cached", async () => {
  const { headers } = await api("GET", "/openapi.json");
  expect(document.openapi).toBe("3.1.0");
  expect(document.info.version).toBe(manifest.version);
  expect(headers.get("Cache-Control")).toBe("public, max-age=300");
});

test("the document names every operation once, and one without a role only reads", () => {
  const names = operations().map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, method, operation } of operations()) {
    const [{ token: [role] = [] } = {}] = operation.security;
    if (operation.security.length > 0) expect(["clerk", "editor", "admin"]).toContain(role);
    else expect([path, method]).toEqual([path, "get"]);
  }
});

test("the document describes every path parameter, and every reference resolves", () => {
  for (const { path, operation } of operations()) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const documented = operation.parameters.filter((parameter: { in: string }) => parameter.in === "path");
    expect(documented.map(({ name }: { name: string }) => name)).toEqual(inPath);
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]*)"/g)].map(
    ([, pointer]) => pointer ?? "",
  );
  expect(references.length).toBeGreaterThan(50);
  for (const pointer of new Set(references)) {
    expect(
      pointer.split("/").reduce((at, name) => at?.[name], document),
      pointer,
    ).toBeTypeOf("object");
  }
});

test("the document describes input as the validation accepts it", () => {
  const { properties, required, additionalProperties } = document.components.schemas.BookInput;
  expect(required).toEqual(["title", "author", "isbn", "price"]);
  expect(additionalProperties, "additionalProperties").toBe(false);
  expect(properties.title).toMatchObject({ type: "string", minLength: 1, maxLength: 255 });
  expect(properties.price).toMatchObject({ type: "number", minimum: 0, maximum: 99_999_999.99 });
  expect(properties.stock).toMatchObject({ type: "integer", minimum: 0, maximum: 2_147_483_647 });
  const limit = document.paths["/api/v1/books"].get.parameters.find(
    ({ name }: { name: string }) => name === "limit",
  );
  expect(limit).toMatchObject({
    in: "query",
    required: false,
    schema: { type: "integer", minimum: 1 },
  });
});

test("a valid price is valid by the document too", async () => {
  const ajv = new Ajv2020({ strict: false, formats });
  const validate = ajv.compile(document.components.schemas.BookInput);
  const refused = Array.from({ length: 9_999 }, (_, cents) => (cents + 1) / 100).filter(
    (price) => !validate(newBook({ price })),
  );
  expect(refused).toEqual([]);
  expect(validate(newBook({ price: -0.01 })), "a price below 0 is good").toBe(false);
});

test("an operation with a body or a token documents its refusal", () => {
  for (const { operation } of operations()) {
    const statuses = Object.keys(operation.responses);
    if (operation.requestBody)
      expect(statuses).toEqual(expect.arrayContaining(["400", "408", "413", "415", "422"]));
    if (operation.security.length > 0) expect(statuses).toEqual(expect.arrayContaining(["401", "403"]));
    expect(statuses.join()).toMatch(/\b2\d\d\b/);
  }
});

test("every operation except the service endpoints documents the quota", () => {
  for (const { path, operation } of operations()) {
    const counted = path.startsWith("/api/");
    const { 429: refused, ...others } = operation.responses;
    expect([path, refused !== undefined]).toEqual([path, counted]);
    if (counted) expect(Object.keys(refused.headers)).toContain("Retry-After");
    for (const { headers } of Object.values<{ headers: object }>({ ...others, ...(counted && { refused }) }))
      expect([path, "RateLimit" in headers, "RateLimit-Policy" in headers]).toEqual([path, counted, counted]);
  }
  for (const name of ["RateLimit", "RateLimit-Policy"])
    expect(document.components.headers[name].required, name).toBe(false);
});

test("every POST, but for imports, documents Idempotency-Key and its outcomes", () => {
  for (const { method, operation } of operations()) {
    const names = operation.parameters.map(({ name }: { name: string }) => name);
    const errors = JSON.stringify(operation.responses).match(/idempotency_\w+(?=")/g) ?? [];
    const replayed = Object.values<{ headers: object }>(operation.responses).filter(
      ({ headers }) => "Idempotency-Replayed" in headers,
    );
    const keyed = method === "post" && operation.operationId !== "importBooks";
    expect([names.includes("Idempotency-Key"), replayed.length]).toEqual([keyed, keyed ? 1 : 0]);
    expect([...new Set(errors)]).toEqual(keyed ? ["idempotency_in_progress", "idempotency_mismatch"] : []);
  }
});

test("the document passes Redocly's recommended rules without a warning", async () => {
  const config = await createConfig({
    extends: ["recommended"],
    // /books/isbn/{isbn} and /books/{id}/stock are ambiguous as templates, but no id is "isbn".
    rules: { "no-ambiguous-paths": "off" },
  });
  const problems = await lintFromString({ source: JSON.stringify(document), config });
  expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual(
    [],
  );
});

test("every body has an example, and every example is valid by its schema", () => {
  const ajv = new Ajv2020({ strict: false, formats });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  const expectGood = (example: unknown, schema: object, where: string) => {
    const validate = ajv.compile({ ...schema, components: document.components });
    expect(validate(example), `${where}: ${JSON.stringify(example)} ${ajv.errorsText(validate.errors)}`).toBe(
      true,
    );
  };
  let bodies = 0;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const expectGoodBodies = (content: Record<string, any>, where: string) => {
    for (const [type, { schema, example, examples }] of Object.entries(content)) {
      if (!/\bjson\b/.test(type)) continue;
      const values = examples
        ? Object.keys(examples).map((name) => document.components.examples[name].value)
        : [example];
      for (const value of values) expectGood(value, schema, where);
      bodies++;
    }
  };
  for (const { operation } of operations()) {
    const { operationId, parameters, requestBody, responses } = operation;
    if (requestBody) expectGoodBodies(requestBody.content, operationId);
    for (const { name, in: place, schema, example } of parameters) {
      if (place === "path") expect(example ?? schema.enum, `${operationId} ${name}`).toBeDefined();
      for (const value of [...(schema.examples ?? []), ...(example === undefined ? [] : [example])])
        expectGood(value, schema, `${operationId} ${name}`);
    }
    // biome-ignore lint/suspicious/noExplicitAny: see above
    for (const [status, { content = {} }] of Object.entries<any>(responses)) {
      expectGoodBodies(content, `${operationId} ${status}`);
    }
  }
  // biome-ignore lint/suspicious/noExplicitAny: see above
  for (const [name, { schema, example }] of Object.entries<any>(document.components.headers)) {
    expectGood(example, schema, name);
  }
  expect(bodies).toBeGreaterThan(100);
});

test("the document is JSON, whatever Accept says", async () => {
  for (const Accept of ["text/html", "application/yaml", "*/*;q=0", "", "nonsense"]) {
    const { status, headers } = await api("GET", "/openapi.json", { headers: { Accept } });
    expect([status, headers.get("Content-Type")]).toEqual([200, "application/json"]);
  }
});
