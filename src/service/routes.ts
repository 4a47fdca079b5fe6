import { checkReadiness } from "../db/readiness.ts";
import type { Replicas } from "../db/replicas.ts";
import type { Api } from "../http/api.ts";
import type { ReadAsset } from "../http/assets.ts";
import type { Authentication } from "../http/auth/authenticate.ts";
import { type Preconditions, textNotModified } from "../http/etag.ts";
import { Problem } from "../http/problem.ts";
import { baseOf } from "../http/public-url.ts";
import { jsonReply } from "../http/reply.ts";
import * as contract from "./contract.ts";
import { API, apiCatalog, type Document, perOrigin } from "./documents.ts";

/** Probes wait a second. Where the database takes longer, other instances may serve better. */
const READY_MS = 800;

const OK = JSON.stringify({ status: "ok" });

/** Content that changes only with a release is cached. */
const cached = { "Cache-Control": "public, max-age=300" };

type Docs = Awaited<ReturnType<ReadAsset>>;

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

interface Ports {
  /** How requests authenticate; the page says where a token comes from. */
  authentication: Authentication["mode"];
  publicUrl: string | undefined;
  readAsset: ReadAsset;
  /** Aborts when the process is about to stop. */
  stopping: AbortSignal | undefined;
  /** Undefined where there are none. */
  replicas: Replicas | undefined;
}

export function serviceRoutes(api: Api, ports: Ports): void {
  const { authentication, publicUrl, readAsset, replicas, stopping } = ports;
  api.on(contract.checkHealth, async () => jsonReply(200, OK));

  api.on(contract.checkReadiness, async (_, context) => {
    if (stopping?.aborted) {
      const headers = { "Retry-After": "1" };
      throw new Problem("service_unavailable", "The server is shutting down.", { headers });
    }
    const warnings = await checkReadiness(context.databaseWithin(READY_MS));
    if (warnings.length > 0) context.warn(new Error(warnings.join(" ")));
    // Without its replicas the service is slower, but ready.
    return jsonReply(200, replicas ? JSON.stringify({ status: "ok", replicas: replicas.counts() }) : OK);
  });

  const written = (document: Document, preconditions: Preconditions, type: string) => {
    const headers = { ...cached, ETag: document.etag };
    if (textNotModified(preconditions, document.etag)) return { status: 304, headers } as const;
    return { status: 200, body: document.text, headers: { ...headers, "Content-Type": type } } as const;
  };
  // A relative reference to this server, where its origin is not known.
  const serverOf = (url: URL) => baseOf(publicUrl, url) || "/";
  const textOf = async (path: string) => new TextDecoder().decode(await readAsset(path));
  const json = perOrigin(() => textOf("openapi/openapi.json"));
  api.on(contract.getDocument, async ({ url, preconditions }) =>
    written(await json(serverOf(url)), preconditions, "application/json"),
  );

  const yaml = perOrigin(() => textOf("openapi/openapi.yaml"));
  api.on(contract.getDocumentAsYaml, async ({ url, preconditions }) =>
    written(await yaml(serverOf(url)), preconditions, "application/yaml"),
  );

  api.on(contract.getApiCatalog, async ({ url }) => {
    const base = baseOf(publicUrl, url);
    const headers = {
      ...cached,
      "Content-Type": "application/linkset+json",
      Link: `<${base}${API}>; rel="item"`,
    };
    return { status: 200 as const, body: JSON.stringify(apiCatalog(base)), headers };
  });

  api.on(contract.explainProblem, async ({ params: { code } }) =>
    jsonReply(200, JSON.stringify(contract.problemType(code)), cached),
  );

  let page: Docs | undefined;
  api.on(contract.showReference, async () => {
    page ??= withAuthentication(await readAsset("docs/index.html"), authentication);
    const headers = {
      // Once the server is configured anew, the page differs.
      "Cache-Control": "no-cache",
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": PAGE_POLICY,
    };
    return { status: 200 as const, body: page, headers };
  });

  api.on(contract.getReferenceFile, async ({ params: { file } }) => ({
    status: 200 as const,
    body: await readAsset(`docs/${file}`),
    headers: { "Cache-Control": "public, max-age=86400", "Content-Type": contract.DOCS_FILES[file] },
  }));
}

/** Tells the page how requests authenticate. */
function withAuthentication(page: Docs, mode: Authentication["mode"]): Docs {
  const html = new TextDecoder().decode(page);
  const meta = (content: string) => `<meta name="authentication" content="${content}">`;
  return new TextEncoder().encode(html.replace(meta("closed"), meta(mode)));
}
