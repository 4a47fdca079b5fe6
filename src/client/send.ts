import { ConnectionError, OctavoError, ProblemError, ResponseError, TimeoutError } from "./errors.ts";
import type { ProblemBody } from "./types.ts";

export interface ClientOptions {
  /** Sent as a bearer token; a function is asked before each request, and may give none. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Instead of the global one. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds that one attempt may take, 15,000 unless given: longer than the server takes. */
  timeout?: number;
  /** How often a request is sent again where that can help and do no harm, 3 times unless given. */
  retries?: number;
}

/** One request of the API. */
export interface Call {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** The segments behind `/api/v1`. */
  path: readonly string[];
  /** What is undefined is left out. */
  query?: object | undefined;
  body?: object;
  signal?: AbortSignal | undefined;
  ifMatch?: string | undefined;
  idempotencyKey?: string | undefined;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed JSON; undefined where there is none. */
  body: unknown;
}

export type Send = (call: Call) => Promise<Answer>;

const FIRST_WAIT_MS = 250;
/** Who has to wait longer than this should decide for themselves. */
const LONGEST_WAIT_MS = 30_000;

/**
 * Makes the function that sends requests, and sends them again.
 *
 * @throws TypeError for a base that no request can be sent to
 */
export function sender(baseUrl: string | URL, options: ClientOptions): Send {
  const { timeout = 15_000, retries = 3 } = options;
  const base = baseOf(baseUrl);
  return async (call) => {
    // One key for all attempts, so that the effect happens once.
    const keyed =
      call.method === "POST" ? { ...call, idempotencyKey: call.idempotencyKey ?? newKey() } : call;
    for (let attempts = 1; ; attempts++) {
      try {
        return await within(timeout, call.signal, (signal) => exchange(base, keyed, options, signal));
      } catch (error) {
        if (!(error instanceof OctavoError)) throw error;
        error.attempts = attempts;
        const wait = attempts <= retries && mayRepeat(call, error) ? waitBefore(attempts, error) : undefined;
        if (wait === undefined) throw error;
        await pause(wait, call.signal);
      }
    }
  };
}

/** The base without the slash at its end. What a page gives may be relative to it. */
function baseOf(baseUrl: string | URL): string {
  const here = (globalThis as { location?: { href: string } }).location?.href;
  if (!URL.canParse(baseUrl, here))
    throw new TypeError("The base URL must be one, such as https://books.example.");
  const { protocol, origin, pathname, username, password, search, hash } = new URL(baseUrl, here);
  if (!/^https?:$/.test(protocol)) throw new TypeError("The base URL must begin with https:// or http://.");
  if (username || password || search || hash) {
    throw new TypeError("The base URL must have neither a name and password, nor a query, nor a fragment.");
  }
  return origin + pathname.replace(/\/+$/, "");
}

async function exchange(
  base: string,
  { method, path, query = {}, body, ifMatch, idempotencyKey }: Call,
  { token, fetch = globalThis.fetch }: ClientOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const bearer = typeof token === "function" ? await token() : token;
  const headers = new Headers({
    Accept: "application/json",
    ...(bearer && { Authorization: `Bearer ${bearer}` }),
    ...(body && { "Content-Type": "application/json" }),
    ...(ifMatch && { "If-Match": ifMatch }),
    ...(idempotencyKey && { "Idempotency-Key": idempotencyKey }),
  });
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  );
  // The API redirects nowhere, and a POST that is redirected may arrive as a GET.
  const init: RequestInit = { method, headers, redirect: "manual", signal };
  if (body) init.body = JSON.stringify(body);
  const broken = (message: string) => (cause: unknown) => {
    throw signal.aborted ? signal.reason : new ConnectionError(message, { cause });
  };
  const target = `${base}/api/v1/${path.map(encodeURIComponent).join("/")}`;
  const response = await fetch(search.size > 0 ? `${target}?${search}` : target, init).catch(
    broken("The server cannot be reached, or closed the connection."),
  );
  if (response.status === 204) return { status: 204, headers: response.headers, body: undefined };
  requireJson(response);
  // A body that breaks off is an error of its connection, or a text that ends too early.
  const answer = await response.json().catch(broken("The answer broke off."));
  if (!response.ok) throw refusal(response, answer);
  return { status: response.status, headers: response.headers, body: answer };
}

/** @throws ResponseError for an answer that cannot be the API's */
function requireJson({ type, status, headers, body }: Response): void {
  const contentType = headers.get("Content-Type") ?? "no content";
  const redirected = type === "opaqueredirect" || (status >= 300 && status < 400);
  if (!redirected && /^application\/(problem\+)?json\b/i.test(contentType)) return;
  body?.cancel().catch(() => {});
  const answered = redirected ? "a redirect" : `${status} and ${contentType}`;
  throw new ResponseError(
    `The server answered with ${answered}, not as the API does.`,
    status,
    retryAfterOf(headers),
  );
}

function refusal({ status, headers }: Response, body: unknown): OctavoError {
  const problem = body as Partial<ProblemBody> | null;
  return typeof problem?.error === "string" && typeof problem.message === "string"
    ? new ProblemError(problem as ProblemBody, retryAfterOf(headers))
    : new ResponseError(
        `The server answered with ${status}, not as the API does.`,
        status,
        retryAfterOf(headers),
      );
}

/** Seconds; Retry-After has them as such or as a date (RFC 9110, 10.2.3). */
function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get("Retry-After") ?? "";
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/**
 * Whether it can help to send the request again, and can do no harm: where nothing was done yet, or where to do it again
 * changes nothing more. The second is true of reads, of a POST with its key, of a DELETE, as ids are never used again,
 * and of a change that demands a version.
 */
function mayRepeat({ method, ifMatch }: Call, error: OctavoError): boolean {
  const { status, error: code } = error as Partial<ProblemError>;
  if (status === 429 || code === "request_timeout" || code === "service_unavailable") return true;
  if (method === "PATCH" && (!ifMatch || ifMatch === "*")) return false;
  return (
    error instanceof ConnectionError ||
    code === "idempotency_in_progress" ||
    (status !== undefined && [502, 503, 504].includes(status))
  );
}

/** Milliseconds, longer each time. A third or a half is by chance, so that clients that failed together part. */
function waitBefore(attempts: number, error: OctavoError): number | undefined {
  const { retryAfter = 0 } = error as Partial<ProblemError>;
  const own = Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS);
  const asked = retryAfter * 1000;
  if (asked > LONGEST_WAIT_MS) return undefined;
  return Math.max(asked, own / 2) + (Math.random() * Math.max(asked, own)) / 2;
}

/** Ends `work` when its time is over or the caller's signal aborts, even where it does not heed its own signal. */
async function within<T>(
  milliseconds: number,
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  caller?.throwIfAborted();
  const controller = new AbortController();
  const { signal } = controller;
  const stop = () => controller.abort(caller?.reason);
  caller?.addEventListener("abort", stop);
  const timer = setTimeout(
    () => controller.abort(new TimeoutError(`No answer came within ${milliseconds} ms.`)),
    milliseconds,
  );
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  try {
    return await Promise.race([work(signal), stopped]);
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener("abort", stop);
  }
}

/** Resolves after the time, and rejects when the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop);
  });
}

/** As the API takes it. `crypto.randomUUID` is there on pages of HTTPS and loopback alone. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
