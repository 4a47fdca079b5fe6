/** What generators of clients need of the document. `npm run check:clients` makes a client with each of them. */
import { expect, test } from "vitest";
import { type Document, documentAt, schemasIn } from "../support/document.ts";

const document = await documentAt("https://books.example");
const { schemas } = document.components;
const inSchemas = schemasIn(document);
const operations = Object.values<object>(document.paths).flatMap((item) => Object.values<Document>(item));
const pathsOf = (isBad: (schema: Document) => boolean) =>
  inSchemas.filter(({ schema }) => isBad(schema)).map(({ path }) => path);

test("no schema has a default: the description tells it", () => {
  expect(inSchemas.length).toBeGreaterThan(100);
  expect(pathsOf((schema) => "default" in schema)).toEqual([]);
  const { properties } = schemas.BookInput;
  expect(properties.stock.description).toBe("The default is `0`.");
  expect(properties.published.description).toMatch(/A year.*The default is `null`\.$/);
  expect(properties.subjects.description).toBe("The default is `[]`.");
});

test("no schema has if, then or else", () => {
  expect(pathsOf((schema) => "if" in schema || "then" in schema || "else" in schema)).toEqual([]);
});

test("every constant is a string", () => {
  const isOther = ({ const: value }: { const?: unknown }) => value !== undefined && typeof value !== "string";
  expect(pathsOf(isOther).filter((path) => !path.endsWith("/not"))).toEqual([]);
  expect(schemas.BookPage.properties.total_is_estimate.type).toBe("boolean");
});

test("a member that may be null has two types", () => {
  expect(pathsOf((schema) => schema.type === "null" || "anyOf" in schema || "oneOf" in schema)).toEqual([]);
  expect(schemas.Book.properties.publisher.type).toEqual(["string", "null"]);
  expect(schemas.Book.properties.pages.type).toEqual(["integer", "null"]);
  expect(schemas.Book.properties.format).toMatchObject({ type: ["string", "null"] });
  expect(schemas.Book.properties.format.enum.at(-1)).toBeNull();
  expect(schemas.BookPage.properties.next_cursor.type).toEqual(["string", "null"]);
});

test("every price is a double", () => {
  const prices = inSchemas.filter(({ schema }) => schema.type === "number");
  expect(prices.length).toBeGreaterThan(4);
  for (const { path, schema } of prices) expect([path, schema.format]).toEqual([path, "double"]);
});

test("no integer has the limits of JavaScript", () => {
  expect(pathsOf(({ minimum, maximum }) => Math.max(-minimum || 0, maximum || 0) > 2 ** 31)).toEqual([]);
});

test("a page of books is one object, with its members in the order of the responses", () => {
  expect(Object.keys(schemas.BookPage.properties)).toEqual([
    "data",
    "limit",
    "match",
    "next_cursor",
    "prev_cursor",
    "total",
    "total_is_estimate",
    "page",
    "total_pages",
  ]);
  expect(schemas.BookPage.required).toEqual(["data", "limit"]);
});

test("all problems have one schema, with the members of each", () => {
  const problems = operations.flatMap(({ responses }) =>
    Object.values<Document>(responses).flatMap(({ content }) => content?.["application/problem+json"] ?? []),
  );
  expect(problems.length).toBeGreaterThan(100);
  for (const { schema } of problems) expect(schema).toEqual({ $ref: "#/components/schemas/Problem" });
  expect(Object.keys(schemas.Problem.properties)).toEqual(
    expect.arrayContaining(["error", "details", "available", "id", "isbn"]),
  );
});

test("a response may get members, and a request may not", () => {
  const isClosed = (schema: Document) => schema.additionalProperties === false;
  const closed = Object.keys(schemas).filter((name) => isClosed(schemas[name]));
  expect(closed.sort()).toEqual([
    "BookChanges",
    "BookInput",
    "StockAdjustment",
    "StockCount",
    "StockLine",
    "StockTransaction",
    "TaskChanges",
    "TaskInput",
  ]);
  expect(pathsOf(isClosed).length).toBe(closed.length);
});

test("no operation and no parameter is named like a schema, or like a constructor of one", () => {
  const taken = Object.keys(schemas).flatMap((name) =>
    [name, `New${name}`].map((each) => each.toLowerCase()),
  );
  const names = operations.flatMap(({ operationId, parameters }) => [
    operationId,
    ...parameters.map(({ name }: { name: string }) => `${operationId}${name}`),
    ...parameters.map(({ name }: { name: string }) => name),
  ]);
  const joined = names.map((name) => name.toLowerCase().replaceAll(/\W|_/g, ""));
  expect(joined.filter((name) => taken.includes(name))).toEqual([]);
  expect(new Set(taken).size, "a schema is named like a constructor").toBe(taken.length);
});

test.each([
  ["http://127.0.0.1:8080", "", "http://127.0.0.1:8080"],
  ["http://[::1]:8080", "", "http://[::1]:8080"],
  ["http://localhost", "", "http://localhost"],
  ["http://127.0.0.1:8080", "https://books.example", "https://books.example"],
  ["https://forged.example", "https://books.example", "https://books.example"],
  ["https://forged.example", "", "/"],
])(
  "the server of a document asked of %s with the public URL “%s” is %s",
  async (origin, publicUrl, server) => {
    const { servers } = await documentAt(origin, publicUrl);
    expect(servers.map(({ url }: { url: string }) => url)).toEqual([server]);
  },
);

test("the examples of parameters work, and only required ones are filled in", () => {
  const parameters = operations.flatMap(({ parameters }) => parameters);
  const examplesOf = (name: string) =>
    new Set(parameters.filter((each) => each.name === name).flatMap(({ schema }) => schema.examples ?? []));
  expect(examplesOf("If-Match")).toEqual(new Set(["*"]));
  for (const tag of examplesOf("If-None-Match")) expect(tag).toMatch(/^"[\w.-]+"$/);
  // The key of another request is refused, and so is the cursor of another listing.
  expect(examplesOf("Idempotency-Key").size + examplesOf("cursor").size).toBe(0);
  for (const { name, required, example, schema } of parameters)
    expect([name, example !== undefined]).toEqual([name, required && "examples" in schema]);
});

test("the example of a page has an estimate only beside a total", () => {
  const { example } = document.paths["/api/v1/books"].get.responses[200].content["application/json"];
  expect(Object.keys(example)).toEqual(["data", "limit", "match", "next_cursor", "prev_cursor"]);
});

test("the examples of problems have the members of their code", () => {
  const { conflict, insufficient_stock, validation_failed } = document.components.examples;
  expect(conflict.value).toMatchObject({ id: expect.any(String), isbn: expect.any(String) });
  expect(insufficient_stock.value).toMatchObject({ available: 3 });
  expect(validation_failed.value.details).toHaveLength(1);
});
