import { ConnectionError, CorsError } from "./errors.ts";

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The request that failed without a response. */
interface Failed {
  base: string;
  method: string;
  headers: Headers;
  fetch: Fetch;
  signal: AbortSignal;
}

/**
 * Makes the error of a request that got no response. Browsers report a broken connection and a violation of CORS in the
 * same way, so on a page of another origin, two requests without any effect tell them apart.
 */
export async function connectionError(failed: Failed, cause: unknown): Promise<ConnectionError> {
  const message = "The server cannot be reached, or closed the connection.";
  const origin = pageOrigin();
  if (origin === undefined || origin === new URL(failed.base).origin)
    return new ConnectionError(message, { cause });
  return (await isRefused(failed))
    ? new CorsError(
        `The server does not let pages of ${origin} send this request. Add the origin to the server's variable CORS_ORIGINS.`,
        { cause },
      )
    : new ConnectionError(
        `${message} CORS may be the cause too: the server's variable CORS_ORIGINS may lack ${origin}, the origin of this page.`,
        { cause },
      );
}

/** The origin of the page, or `null` of a file; undefined outside browsers. */
function pageOrigin(): string | undefined {
  return (globalThis as { location?: { origin: string } }).location?.origin;
}

/** A path that every page may read, and whose response needs no database: no book has this id. */
const PROBE = "/api/v1/books/-";

/**
 * Whether CORS refuses the request: the server responds to one that CORS never refuses, but not to a read with the same
 * headers. A write also asks for Content-Type, which Octavo permits exactly to the pages that may write.
 */
async function isRefused({ base, method, headers, fetch, signal }: Failed): Promise<boolean> {
  const asked = new Headers(headers);
  if (method !== "GET") asked.set("Content-Type", "application/json");
  const responds = (init: RequestInit) =>
    fetch(base + PROBE, { ...init, signal }).then(
      ({ body }) => {
        body?.cancel().catch(() => {});
        return true;
      },
      () => false,
    );
  const [isThere, isAllowed] = await Promise.all([
    responds({ mode: "no-cors", cache: "no-store" }),
    responds({ headers: asked, cache: "no-store" }),
  ]);
  return isThere && !isAllowed;
}
