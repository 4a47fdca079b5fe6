import { createServer, type IncomingMessage } from "node:http";
import { atEnd } from "./end.ts";
import { listening } from "./port.ts";

/** A stand-in for Cloudflare's API, as far as wrangler uses it for secrets and deployments. */
export interface Cloudflare {
  /** The environment in which wrangler uses it. */
  variables: NodeJS.ProcessEnv;
  /** The names of the Worker's secrets; undefined if it was never deployed. */
  secrets: string[] | undefined;
  /** Whether Hyperdrive caches; undefined if there is no configuration of it. */
  hyperdriveCaches: boolean | undefined;
  /** Requests that change something, such as `POST /workers/scripts/octavo/versions`. */
  changes: string[];
  /** Called before a new version is stored; rejects to let the upload fail. */
  onUpload: () => Promise<void>;
}

const ACCOUNT = "0123456789abcdef0123456789abcdef";
/** Cloudflare's codes of errors. */
const [NO_ACCESS, NO_WORKER] = [10_000, 10_007];
const SUBDOMAIN = { enabled: true, previews_enabled: false };

/** What the API answers for a Worker that is deployed already. */
const results = (worker: string): Record<string, unknown> => ({
  [`GET /workers/services/${worker}`]: {
    default_environment: { environment: "production", script: { last_deployed_from: "wrangler" } },
  },
  [`GET /workers/scripts/${worker}/deployments`]: {
    deployments: [{ id: "0", source: "wrangler", versions: [{ version_id: "0", percentage: 100 }] }],
  },
  [`GET /workers/scripts/${worker}/settings`]: { bindings: [], tags: [] },
  [`POST /workers/scripts/${worker}/assets-upload-session`]: { jwt: "a.b.c", buckets: [] },
  [`POST /workers/scripts/${worker}/versions`]: { id: "1", startup_time_ms: 10, resources: { script: {} } },
  [`POST /workers/scripts/${worker}/deployments`]: { id: "1" },
  [`PATCH /workers/scripts/${worker}/script-settings`]: {},
  [`GET /workers/workers/${worker}`]: { id: "1", name: worker, subdomain: SUBDOMAIN },
  [`POST /workers/scripts/${worker}/subdomain`]: SUBDOMAIN,
  "GET /workers/subdomain": { subdomain: "shop" },
});

/** @param worker the name of the Worker */
export async function startCloudflare(worker = "octavo"): Promise<Cloudflare> {
  const answers = results(worker);
  const server = createServer(async (request, response) => {
    const path = (request.url ?? "").replace(`/client/v4/accounts/${ACCOUNT}`, "").replace(/\?.*/, "");
    const key = `${request.method} ${path}`;
    await drain(request);
    const isKnown = request.headers.authorization === "Bearer token";
    const result = key.startsWith("GET /hyperdrive/configs/")
      ? hyperdrive()
      : key === `GET /workers/scripts/${worker}/secrets`
        ? secrets()
        : answers[key];
    let isGood = isKnown && result !== undefined;
    if (isGood && key.endsWith("/versions")) isGood = await accepts();
    if (isGood && request.method !== "GET") cloudflare.changes.push(key);
    const errors = isGood ? [] : [{ code: isKnown ? NO_WORKER : NO_ACCESS, message: "refused" }];
    response.writeHead(isGood ? 200 : 404, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ success: isGood, errors, messages: [], result: isGood ? result : null }));
  });
  const secrets = () => cloudflare.secrets?.map((name) => ({ name, type: "secret_text" }));
  const hyperdrive = () => {
    const { hyperdriveCaches: caches } = cloudflare;
    return caches === undefined ? undefined : { name: "octavo", caching: { disabled: !caches } };
  };
  const accepts = () =>
    cloudflare.onUpload().then(
      () => true,
      () => false,
    );
  const port = await listening(server);
  atEnd(() => server.closeAllConnections());
  const cloudflare: Cloudflare = {
    variables: {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
      CLOUDFLARE_API_TOKEN: "token",
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    },
    secrets: ["DATABASE_URL", "CURSOR_KEY", "SESSION_KEY", "AUTH_SECRET"],
    hyperdriveCaches: undefined,
    changes: [],
    onUpload: async () => {},
  };
  return cloudflare;
}

async function drain(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}
