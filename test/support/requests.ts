/** A request for each operation of the API that succeeds. Tests that go through all operations send these. */
import { newBook } from "./books.ts";
import type { Answer } from "./client.ts";

/** Sends a request of a client that may do everything. */
type Send = (method: string, path: string, options: { body?: object }) => Promise<Answer>;

/** A resource as its JSON, of which the members take the place of a path's parameters. */
type Resource = Record<string, unknown>;

/** A good body for each operation that takes one: a Blob for a file, and otherwise JSON. A body of a POST also adds the resource that a longer path needs. */
export const BODIES: Record<string, (send: Send) => object | Promise<object>> = {
  "POST /api/v1/books": () => newBook(),
  "PATCH /api/v1/books/{id}": () => ({ price: 5 }),
  "PUT /api/v1/books/{id}": () => ({ price: 5 }),
  "PUT /api/v1/books/isbn/{isbn}": () => ({ price: 5 }),
  "POST /api/v1/books/import": () =>
    new Blob([`${JSON.stringify(newBook())}\n`], { type: "application/x-ndjson" }),
  "POST /api/v1/books/{id}/stock": () => ({ delta: -1 }),
  "PUT /api/v1/books/{id}/stock": () => ({ stock: 5 }),
  "PUT /api/v1/books/isbn/{isbn}/stock": () => ({ stock: 5 }),
  "POST /api/v1/stock": async (send) => ({
    lines: [{ isbn: (await add(send, "/api/v1/books")).isbn, delta: -1 }],
  }),
  "POST /api/v1/tasks": () => ({ title: "Dust" }),
  "PATCH /api/v1/tasks/{id}": () => ({ completed: true }),
};

/** For each operation that can conflict: adds what it conflicts with, and gives the body that does so. */
export const CONFLICTS: Record<string, (send: Send, resource: Resource) => Promise<object | undefined>> = {
  "POST /api/v1/books": async (send) => newBook({ isbn: (await add(send, "/api/v1/books")).isbn }),
  "PATCH /api/v1/books/{id}": async (send) => ({ isbn: (await add(send, "/api/v1/books")).isbn }),
  "PUT /api/v1/books/{id}": async (send) => ({ isbn: (await add(send, "/api/v1/books")).isbn }),
};

/** Values for the parameters of paths that lead to no resource. */
const PARAMETERS = { code: "conflict", file: "start.js" };

/** As much of an operation as the document tells. */
export interface Operation {
  /** As in `GET /api/v1/books/{id}`. */
  name: string;
  method: string;
  /** With its parameters, as in `/api/v1/books/{id}`. */
  path: string;
  /** The role that it needs; undefined if it is public. */
  role: string | undefined;
  takesBody: boolean;
  /** Takes an Idempotency-Key. */
  keyed: boolean;
  /** The codes of its problems, by status; a success has none. */
  responses: { status: number; codes: (string | undefined)[] }[];
}

// biome-ignore lint/suspicious/noExplicitAny: the document is read in many places
export function operationsOf(document: any): Operation[] {
  return Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    Object.entries<any>(methods).map(([method, { security, parameters, requestBody, responses }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      role: security[0]?.token[0],
      takesBody: requestBody !== undefined,
      keyed: parameters.some(({ name }: { name: string }) => name === "Idempotency-Key"),
      // biome-ignore lint/suspicious/noExplicitAny: see above
      responses: Object.entries<any>(responses).map(([status, { content }]) => ({
        status: Number(status),
        codes: codesOf(content) ?? [undefined],
      })),
    })),
  );
}

/** The codes of the problems that a response may be. Each has an example. */
const codesOf = (content?: Record<string, { examples: object }>) =>
  content?.["application/problem+json"] && Object.keys(content["application/problem+json"].examples);

/**
 * Makes a good request, and adds the resource that its path leads to.
 *
 * @throws a sentence that says which body to add to this file
 */
export async function goodRequest(
  { name, path, takesBody }: Pick<Operation, "name" | "path" | "takesBody">,
  send: Send,
): Promise<{ path: string; body: object | undefined; resource: Resource }> {
  const body = takesBody ? await bodyOf(name, send) : undefined;
  const [collection] = path.match(/^\/api\/v\d+\/\w+(?=\/.*\{)/) ?? [];
  const resource = collection === undefined ? PARAMETERS : await add(send, collection);
  const values = new Map(Object.entries(resource));
  return { path: path.replaceAll(/\{(\w+)\}/g, (_, member) => `${values.get(member)}`), body, resource };
}

async function add(send: Send, collection: string): Promise<Answer["json"]> {
  const { status, json, text } = await send("POST", collection, {
    body: await bodyOf(`POST ${collection}`, send),
  });
  if (status !== 201) throw new Error(`POST ${collection} is not 201, but ${status}: ${text}`);
  return json;
}

async function bodyOf(operation: string, send: Send): Promise<object> {
  const body = await BODIES[operation]?.(send);
  if (!body) throw new Error(`Add a good body for ${operation} to BODIES in test/support/requests.ts.`);
  return body;
}
