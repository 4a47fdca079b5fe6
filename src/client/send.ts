import { connectionError } from "./cors.ts";
import {
  ConnectionError,
  CorsError,
  OctavoError,
  ProblemError,
  ResponseError,
  TimeoutError,
} from "./errors.ts";
import { ClientPosition } from "./position.ts";
import type { ProblemBody } from "./problem-types.ts";

export interface ClientOptions {
  /** The bearer token, or a function that is called before each attempt and may return undefined. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Replaces the global `fetch`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** The timeout of one attempt in milliseconds. The default of 15,000 exceeds the server's own deadline. */
  timeout?: number;
  /** The maximum number of retries; 3 by default. Only requests that are safe to retry are retried. */
  retries?: number;
}

/** One request of the API. */
export interface Call {
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** The path segments after `/api/v1`. */
  path: readonly string[];
  /** Undefined parameters are omitted. */
  query?: object | undefined;
  body?: object;
  /** Sent as it is, with its own type. A file may take any time to send; importing it twice has no further effect. */
  file?: Blob | undefined;
  signal?: AbortSignal | undefined;
  ifMatch?: string | undefined;
  ifNoneMatch?: "*" | undefined;
  idempotencyKey?: string | undefined;
  /** Takes the body as it arrives, whatever its media type. The timeout is for the head of the response. */
  stream?: true;
}

export interface ApiResponse {
  status: number;
  headers: Headers;
  /** Parsed JSON, or the stream; undefined without a body. */
  body: unknown;
}

export type Send = (call: Call) => Promise<ApiResponse>;

const MIN_WAIT_MS = 250;
/** The longest timer, 24 days. */
const LONGEST_MS = 2 ** 31 - 1;
/** If the server asks for a longer wait, the caller decides. */
const MAX_WAIT_MS = 30_000;

/**
 * Makes the function that sends requests and retries them.
 *
 * @throws TypeError if `baseUrl` is invalid
 */
export function sender(baseUrl: string | URL, options: ClientOptions): Send {
  const { timeout = 15_000, retries = 3 } = options;
  const [base, position] = [baseOf(baseUrl), new ClientPosition()];
  return async (call) => {
    // All attempts send the same key, so that the effect happens once.
    const keyed =
      call.method === "POST" && !call.file
        ? { ...call, idempotencyKey: call.idempotencyKey ?? newKey() }
        : call;
    for (let attempts = 1; ; attempts++) {
      try {
        return await within(call.file ? LONGEST_MS : timeout, call, (signal) =>
          exchange(base, keyed, options, position, signal),
        );
      } catch (error) {
        if (!(error instanceof OctavoError)) throw error;
        error.attempts = attempts;
        const delay =
          attempts <= retries && isRetryable(call, error) ? delayBefore(attempts, error) : undefined;
        if (delay === undefined) throw error;
        await pause(delay, call.signal);
      }
    }
  };
}

/** Returns the base URL without a trailing slash. In a browser it may be relative to the page. */
function baseOf(baseUrl: string | URL): string {
  const here = (globalThis as { location?: { href: string } }).location?.href;
  if (!URL.canParse(baseUrl, here))
    throw new TypeError("The base URL must be valid, such as https://books.example.");
  const { protocol, origin, pathname, username, password, search, hash } = new URL(baseUrl, here);
  if (!/^https?:$/.test(protocol)) throw new TypeError("The base URL must begin with https:// or http://.");
  if (username || password || search || hash) {
    throw new TypeError("The base URL must not contain a user name, a password, a query or a fragment.");
  }
  return origin + pathname.replace(/\/+$/, "");
}

async function exchange(
  base: string,
  { method, path, query = {}, body, file, ifMatch, ifNoneMatch, idempotencyKey, stream }: Call,
  { token, fetch = globalThis.fetch }: ClientOptions,
  position: ClientPosition,
  signal: AbortSignal,
): Promise<ApiResponse> {
  const bearer = typeof token === "function" ? await token() : token;
  const headers = new Headers({
    Accept: stream ? "*/*" : "application/json",
    ...(bearer && { Authorization: `Bearer ${bearer}` }),
    ...(body && { "Content-Type": "application/json" }),
    ...(file && { "Content-Type": file.type }),
    ...(ifMatch && { "If-Match": ifMatch }),
    ...(ifNoneMatch && { "If-None-Match": ifNoneMatch }),
    ...(idempotencyKey && { "Idempotency-Key": idempotencyKey }),
    ...(method === "GET" && position.headers()),
  });
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  );
  // The API never redirects, and following a redirect may turn a POST into a GET.
  const init: RequestInit = { method, headers, redirect: "manual", signal };
  if (file) init.body = file;
  else if (body) init.body = JSON.stringify(body);
  const target = `${base}/api/v1/${path.map(encodeURIComponent).join("/")}`;
  const response = await fetch(search.size > 0 ? `${target}?${search}` : target, init).catch(
    async (cause: unknown) => {
      signal.throwIfAborted();
      throw await connectionError({ base, method, headers, fetch, signal }, cause);
    },
  );
  const { status, ok } = response;
  position.keep(response.headers);
  if (status === 204) return { status, headers: response.headers, body: undefined };
  if (stream && ok) return { status, headers: response.headers, body: response.body };
  requireJson(response);
  // An incomplete body appears as a network error or as truncated JSON.
  const json = await response.json().catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new ConnectionError("The response is incomplete.", { cause });
  });
  if (!ok) throw errorOf(response, json);
  return { status, headers: response.headers, body: json };
}

/** @throws ResponseError if the response cannot be from the API */
function requireJson({ type, status, headers, body }: Response): void {
  const contentType = headers.get("Content-Type") ?? "no content";
  const redirected = type === "opaqueredirect" || (status >= 300 && status < 400);
  if (!redirected && /^application\/(problem\+)?json\b/i.test(contentType)) return;
  body?.cancel().catch(() => {});
  const received = redirected ? "a redirect" : `${status} and ${contentType}`;
  throw new ResponseError(notFromApi(received), status, retryAfterOf(headers));
}

/** The message of a ResponseError. */
export const notFromApi = (received: string) => `Expected a response of the API, but received ${received}.`;

function errorOf({ status, headers }: Response, body: unknown): OctavoError {
  const problem = body as Partial<ProblemBody> | null;
  return typeof problem?.error === "string" && typeof problem.message === "string"
    ? new ProblemError(problem as ProblemBody, retryAfterOf(headers))
    : new ResponseError(notFromApi(`${status} without a problem`), status, retryAfterOf(headers));
}

/** Parses Retry-After, which holds seconds or a date (RFC 9110, 10.2.3), into seconds. */
function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get("Retry-After") ?? "";
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/**
 * Whether a retry may help and is safe: the request had no effect, or a second one has no further effect. The latter holds
 * for reads, for a POST with its key, for a DELETE (ids are never reused), and for a PATCH or PUT that demands a version, or
 * that there is none.
 */
export function isRetryable(
  { method, ifMatch, ifNoneMatch }: Pick<Call, "method" | "ifMatch" | "ifNoneMatch">,
  error: OctavoError,
): boolean {
  if (error instanceof CorsError) return false;
  const { status, error: code } = error as Partial<ProblemError>;
  if (status === 429 || code === "request_timeout" || code === "service_unavailable") return true;
  const isUpdate = method === "PATCH" || method === "PUT";
  if (isUpdate && !ifNoneMatch && (!ifMatch || ifMatch === "*")) return false;
  return (
    error instanceof ConnectionError ||
    code === "idempotency_in_progress" ||
    (status !== undefined && [502, 503, 504].includes(status))
  );
}

/** Exponential backoff with jitter, in milliseconds; undefined if the server asks for too long a wait. */
function delayBefore(attempts: number, error: OctavoError): number | undefined {
  const { retryAfter = 0 } = error as Partial<ProblemError>;
  const backoff = Math.min(MIN_WAIT_MS * 2 ** (attempts - 1), MAX_WAIT_MS);
  const asked = retryAfter * 1000;
  if (asked > MAX_WAIT_MS) return undefined;
  return Math.max(asked, backoff / 2) + (Math.random() * Math.max(asked, backoff)) / 2;
}

/** Rejects on timeout or when the caller's signal aborts, even if `work` ignores the signal that it is given. */
async function within<T>(
  milliseconds: number,
  { signal: caller, stream }: Pick<Call, "signal" | "stream">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  caller?.throwIfAborted();
  const controller = new AbortController();
  const { signal } = controller;
  const stop = () => controller.abort(caller?.reason);
  caller?.addEventListener("abort", stop);
  const timer = setTimeout(
    () => controller.abort(new TimeoutError(`No response arrived within ${milliseconds} ms.`)),
    milliseconds,
  );
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  try {
    return await Promise.race([work(signal), stopped]);
  } finally {
    clearTimeout(timer);
    // A stream that has begun can still be aborted.
    if (!stream) caller?.removeEventListener("abort", stop);
  }
}

/** Resolves after a time, or rejects when the signal aborts. */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
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

/** Creates an Idempotency-Key. Browsers have `crypto.randomUUID` only on HTTPS and loopback. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
