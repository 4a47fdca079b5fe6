import { ping } from "../db/database.ts";
import type { Api } from "../http/api.ts";
import { openapiDocument } from "../http/openapi.ts";
import { Problem } from "../http/problem.ts";
import { json } from "../http/reply.ts";
import * as contract from "./contract.ts";

const OK = JSON.stringify({ status: "ok" });

/** What changes only with a release may be kept for a while. */
const kept = { "Cache-Control": "public, max-age=300" };

/** @param stopping aborted when the process is about to end */
export function serviceRoutes(api: Api, stopping?: AbortSignal): void {
  api.on(contract.health, async () => json(200, OK));

  api.on(contract.ready, async (_, { database }) => {
    if (stopping?.aborted) {
      const headers = { "Retry-After": "1" };
      throw new Problem("service_unavailable", "This server is about to stop; ask another.", { headers });
    }
    await ping(database);
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
}
