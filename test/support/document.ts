import { basename } from "node:path";
import { writeDocuments } from "../../dev/documents.ts";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests read all of the document
export type Document = any;

const encoder = new TextEncoder();

/** The documents as the build writes them. */
let written: ReturnType<typeof writeDocuments> | undefined;
const documents = () => {
  written ??= writeDocuments();
  return written;
};

/**
 * Requests a path of the app without a database, which the document and its companions do not need.
 *
 * @param publicUrl what the app is told of its origin; that of the URL unless given
 */
export async function requestWithoutDatabase(
  url: string,
  init?: RequestInit,
  publicUrl = new URL(url).origin,
): Promise<Response> {
  const unused = () => Promise.reject(new Error("there is no database"));
  const app = createApp({
    config: await parseConfig({
      DATABASE_URL: "postgres://octavo:octavo@127.0.0.1:9/octavo",
      PUBLIC_URL: publicUrl,
    }),
    connect: unused as never,
    log: () => {},
    readAsset: async (path) => encoder.encode((await documents()).get(basename(path))),
  });
  return app.fetch(new Request(url, init), { address: undefined });
}

/** The OpenAPI document of a server at an origin. */
export async function documentAt(origin: string, publicUrl?: string): Promise<Document> {
  return (await requestWithoutDatabase(`${origin}/openapi.json`, {}, publicUrl)).json();
}

/** Every object of the document that lies within a schema, with the path of its keys. */
export function schemasIn(document: Document): { path: string; schema: Document }[] {
  const found: { path: string; schema: Document }[] = [];
  const walk = (value: unknown, path: string[], isSchema: boolean) => {
    if (typeof value !== "object" || value === null) return;
    const isMap = ["properties", "schemas"].includes(path.at(-1) ?? "") || Array.isArray(value);
    if (isSchema && !isMap) found.push({ path: path.join("/"), schema: value });
    for (const [key, child] of Object.entries(value)) {
      if (key === "example" || key === "examples" || key === "enum") continue;
      walk(child, [...path, key], isSchema || key === "schema" || key === "schemas");
    }
  };
  walk(document, [], false);
  return found;
}
