/** Requests and answers as they are on the wire: what cases send, and what is kept of the answers to compare. */
import { type Agent, request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { expect } from "vitest";
import type { Answer, responseChecker } from "../support/client.ts";
import { type Role, token } from "./fixtures.ts";

/** What goes with a request. At most one of `body`, `raw` and `chunks`. */
export interface Message {
  /** Sends a token with this role. */
  role?: Role;
  /** A list is sent as that many header lines; undefined takes away what would be sent otherwise. */
  headers?: Record<string, string | string[] | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Uint8Array;
  /** Sent one by one, without Content-Length. */
  chunks?: readonly (string | Uint8Array)[];
}

/** Sends one request and gives its answer, which must have the status, and keep what /openapi.json promises. */
export type Send = (status: number, method: string, path: string, message?: Message) => Promise<Answer>;

/** A dialogue with a server, whose answers are to be the same on every runtime. */
export interface Case {
  name: string;
  run: (send: Send) => Promise<unknown>;
}

/** One request, and its answer as it came. */
export interface Exchange {
  method: string;
  path: string;
  status: number;
  headers: [name: string, value: string][];
  body: string;
}

/** A started server. */
export interface Target {
  runtime: string;
  url: string;
  agent: Agent;
  check: ReturnType<typeof responseChecker>;
}

/**
 * Makes the `send` of one case.
 *
 * @param exchanges where each exchange is added
 * @param seen where each operation that answered is added, such as `GET /api/v1/books`
 */
export function sender(target: Target, exchanges: Exchange[], seen: Set<string>): Send {
  return async (status, method, path, { role, headers, body, raw, chunks } = {}) => {
    const payload = body === undefined ? raw : JSON.stringify(body);
    const sent = {
      ...framing(payload, chunks),
      "Accept-Encoding": "identity",
      "X-Request-Id": `request-${exchanges.length + 1}`,
      Authorization: role && `Bearer ${token({ roles: [role] })}`,
      "Content-Type": body === undefined ? undefined : "application/json",
      ...headers,
    };
    const given = Object.entries(sent).filter(([, value]) => value !== undefined);
    const { bytes, ...received } = await transmit(
      target,
      { method, path, headers: Object.fromEntries(given) as OutgoingHttpHeaders },
      // As bytes: in one piece with a text, Node would encode the header as it does the text.
      (chunks ?? (payload === undefined ? [] : [payload])).map((part) => Buffer.from(part)),
    );
    const exchange = { method, path, ...received, body: decoded(bytes) };
    exchanges.push(exchange);
    const answer = answerOf(exchange);
    expect(answer.status, `${target.runtime}: ${method} ${path}\n${answer.text.slice(0, 500)}`).toBe(status);
    const operation = target.check(method, path, answer);
    if (operation) seen.add(operation);
    return answer;
  };
}

function answerOf({ status, headers: lines, body }: Exchange): Answer {
  const headers = new Headers(lines);
  const json = /json/.test(headers.get("Content-Type") ?? "") && body !== "" ? JSON.parse(body) : undefined;
  return { status, headers, text: body, json };
}

/** Node frames no body by itself where it expects none, as of a DELETE. */
function framing(payload: Message["raw"], chunks: Message["chunks"]): Record<string, string> {
  if (chunks) return { "Transfer-Encoding": "chunked" };
  return payload === undefined ? {} : { "Content-Length": String(Buffer.byteLength(payload)) };
}

const PATIENCE_MS = 20_000;

/** `fetch` would not do: it has no duplicate headers, no other Host, no chunks, and it mends paths. */
function transmit(
  { url, agent }: Target,
  { method, path, headers }: { method: string; path: string; headers: OutgoingHttpHeaders },
  parts: readonly Buffer[],
): Promise<Pick<Exchange, "status" | "headers"> & { bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const options = { hostname, port, agent, method, path, headers, timeout: PATIENCE_MS };
    const request = httpRequest(options, (response) => {
      const received: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (part) => received.push(part));
      response.on("end", () => {
        const { statusCode = 0, rawHeaders } = response;
        resolve({ status: statusCode, headers: pairs(rawHeaders), bytes: Buffer.concat(received) });
        // The answer came instead of 100 Continue.
        if (!request.writableEnded) request.destroy();
      });
    });
    request.on("error", reject);
    request.on("timeout", () => request.destroy(new Error(`no answer to ${method} ${path}`)));
    const send = () => {
      for (const part of parts) request.write(part);
      request.end();
    };
    if ("Expect" in headers) request.once("continue", send).flushHeaders();
    else send();
  });
}

/** Every body is UTF-8, and decoding it loses no byte. */
function decoded(bytes: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function pairs(flat: string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [
    (flat[2 * at] ?? "").toLowerCase(),
    flat[2 * at + 1] ?? "",
  ]);
}
