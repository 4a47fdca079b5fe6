/** Requests and responses on the wire: what cases send, and what is compared. */
import { type Agent, request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { expect } from "vitest";
import type { Check } from "../support/checker.ts";
import type { Answer } from "../support/client.ts";
import { type Role, token } from "./fixtures.ts";

/** The parts of a request; at most one of `body`, `raw` and `chunks`. */
export interface Message {
  /** Sends a token with this role. */
  role?: Role;
  /** A list is sent as one header line per element; undefined removes a default header. */
  headers?: Record<string, string | string[] | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent unchanged. */
  raw?: string | Uint8Array;
  /** Sent chunk by chunk, without Content-Length. */
  chunks?: readonly (string | Uint8Array)[];
}

/** Sends a request and returns its response, which must have the status and conform to /openapi.json. */
export type Send = (status: number, method: string, path: string, message?: Message) => Promise<Answer>;

/** A dialogue with a server, in which every runtime must respond alike. */
export interface Case {
  name: string;
  run: (send: Send) => Promise<unknown>;
}

/** A request and its response. */
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
  check: Check;
}

/**
 * Creates the `send` of one case.
 *
 * @param exchanges receives every exchange
 * @param seen receives every operation that responded, such as `GET /api/v1/books`
 */
export function sender(target: Target, exchanges: Exchange[], seen: Set<string>): Send {
  return async (status, method, path, { role, headers, body, raw, chunks } = {}) => {
    const file = body instanceof Blob ? { type: body.type, text: await body.text() } : undefined;
    const payload = file?.text ?? (body === undefined ? raw : JSON.stringify(body));
    const sent = {
      ...framing(payload, chunks),
      // The document names the host that was asked, and the servers differ in their ports.
      Host: "localhost",
      "Accept-Encoding": "identity",
      "X-Request-Id": `request-${exchanges.length + 1}`,
      Authorization: role && `Bearer ${token({ roles: [role] })}`,
      "Content-Type": file?.type ?? (body === undefined ? undefined : "application/json"),
      ...headers,
    };
    const present = Object.entries(sent).filter(([, value]) => value !== undefined);
    const { bytes, ...received } = await transmit(
      target,
      { method, path, headers: Object.fromEntries(present) as OutgoingHttpHeaders },
      // As bytes, because Node encodes the head like a body that is sent as text.
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
  const json =
    /\bjson\b/.test(headers.get("Content-Type") ?? "") && body !== "" ? JSON.parse(body) : undefined;
  return { status, headers, text: body, json };
}

/** The framing of the body, which Node does not add for methods like DELETE. */
function framing(payload: Message["raw"], chunks: Message["chunks"]): Record<string, string> {
  if (chunks) return { "Transfer-Encoding": "chunked" };
  return payload === undefined ? {} : { "Content-Length": String(Buffer.byteLength(payload)) };
}

const PATIENCE_MS = 20_000;

/** `fetch` cannot send duplicate headers, another Host or chunks, and it normalises paths. */
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
        // The response arrived instead of 100 Continue.
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

/** Decodes a body, which must be valid UTF-8. */
function decoded(bytes: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function pairs(flat: string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [
    (flat[2 * at] ?? "").toLowerCase(),
    flat[2 * at + 1] ?? "",
  ]);
}
