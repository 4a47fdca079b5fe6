import { checkReadiness } from "../db/readiness.ts";
import type { Api } from "../http/api.ts";
import { openapiDocument } from "../http/openapi.ts";
import { Problem } from "../http/problem.ts";
import { json } from "../http/reply.ts";
import * as contract from "./contract.ts";

const OK = JSON.stringify({ status: "ok" });

/** What changes only with a release may be kept for a while. */
const kept = { "Cache-Control": "public, max-age=300" };

/** Reads a file of dist/docs, which the build leaves there. */
export type ReadDocs = (file: "index.html" | keyof typeof contract.DOCS_FILES) => Promise<Docs>;
type Docs = Uint8Array<ArrayBuffer>;

/** The page runs scripts and asks for data from its own origin alone. Swagger UI has small pictures in its styles. */
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

/** @param stopping aborted when the process is about to end */
export function serviceRoutes(api: Api, readDocs: ReadDocs, stopping?: AbortSignal): void {
  api.on(contract.health, async () => json(200, OK));

  api.on(contract.ready, async (_, { database, warn }) => {
    if (stopping?.aborted) {
      const headers = { "Retry-After": "1" };
      throw new Problem("service_unavailable", "This server is about to stop; ask another.", { headers });
    }
    const warnings = await checkReadiness(database);
    if (warnings.length > 0) warn(new Error(warnings.join(" ")));
    return json(200, OK);
  });

  let document: string | undefined;
  api.on(contract.openapi, async () => {
    document ??= JSON.stringify(openapiDocument(api.routes));
    return json(200, document, kept);
  });

  api.on(contract.problem, async ({ params: { error } }) =>
    json(200, JSON.stringify(contract.problemType(error)), kept),
  );

  api.on(contract.docs, async () => ({
    status: 200 as const,
    body: await readDocs("index.html"),
    headers: {
      ...kept,
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
