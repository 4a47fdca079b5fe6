import { checkReadiness } from "../db/readiness.ts";
import type { Api } from "../http/api.ts";
import { openapiDocument } from "../http/openapi.ts";
import { Problem } from "../http/problem.ts";
import { jsonReply } from "../http/reply.ts";
import * as contract from "./contract.ts";

const OK = JSON.stringify({ status: "ok" });

/** Content that changes only with a release is cached. */
const cached = { "Cache-Control": "public, max-age=300" };

/** Reads a file of dist/docs, which the build creates. */
export type ReadDocs = (file: "index.html" | keyof typeof contract.DOCS_FILES) => Promise<Docs>;
type Docs = Uint8Array<ArrayBuffer>;

/** The page loads scripts and data from its own origin only. Swagger UI's styles contain images as data URLs. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** @param stopping aborts when the process is about to stop */
export function serviceRoutes(api: Api, readDocs: ReadDocs, stopping?: AbortSignal): void {
  api.on(contract.health, async () => jsonReply(200, OK));

  api.on(contract.ready, async (_, { database, warn }) => {
    if (stopping?.aborted) {
      const headers = { "Retry-After": "1" };
      throw new Problem("service_unavailable", "The server is shutting down.", { headers });
    }
    const warnings = await checkReadiness(database);
    if (warnings.length > 0) warn(new Error(warnings.join(" ")));
    return jsonReply(200, OK);
  });

  let document: string | undefined;
  api.on(contract.openapi, async () => {
    document ??= JSON.stringify(openapiDocument(api.routes));
    return jsonReply(200, document, cached);
  });

  api.on(contract.problem, async ({ params: { error } }) =>
    jsonReply(200, JSON.stringify(contract.problemType(error)), cached),
  );

  api.on(contract.docs, async () => ({
    status: 200 as const,
    body: await readDocs("index.html"),
    headers: {
      ...cached,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": PAGE_POLICY,
    },
  }));

  api.on(contract.docsFile, async ({ params: { file } }) => ({
    status: 200 as const,
    body: await readDocs(file),
    headers: { "Cache-Control": "public, max-age=86400", "Content-Type": contract.DOCS_FILES[file] },
  }));
}
