import { request as httpRequest } from "node:http";
import { checkerOf } from "./checker.ts";

/** A response; `json` is the parsed body if it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every shape
  json: any;
}

export interface Options {
  /** Sent as JSON, or as it is if it is a Blob. */
  body?: unknown;
  /** Sent unchanged. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface Client {
  (method: string, path: string, options?: Options): Promise<Answer>;
  /** Operation and status of every response so far, such as `GET /api/v1/books 200`. */
  seen: Set<string>;
}

/**
 * Creates a client that checks every response against the server's OpenAPI document. An undocumented status, a missing
 * header or an invalid body fails the test.
 *
 * @param token sent with every request that does not set Authorization
 */
export async function createClient(origin: string, token?: string): Promise<Client> {
  const { check } = await checkerOf(origin);
  const seen = new Set<string>();
  const call = async (
    method: string,
    path: string,
    { body, raw, headers = {} }: Options = {},
  ): Promise<Answer> => {
    const [type, payload] = await payloadOf(body, raw);
    const response = await fetch(origin + path, {
      method,
      headers: {
        // Otherwise, Miniflare compresses every response.
        "Accept-Encoding": "identity",
        ...(type && { "Content-Type": type }),
        ...(token && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(payload !== undefined && { body: payload }),
      redirect: "manual",
    }).catch(failed(method, path));
    const text = await response.text().catch(failed(method, path));
    const json =
      /\bjson\b/.test(response.headers.get("Content-Type") ?? "") && text !== ""
        ? JSON.parse(text)
        : undefined;
    const answer = { status: response.status, headers: response.headers, text, json };
    const operation = check(method, path, answer);
    if (operation) seen.add(`${operation} ${answer.status}`);
    return answer;
  };
  return Object.assign(call, { seen });
}

async function payloadOf(
  body: unknown,
  raw: Options["raw"],
): Promise<[type: string | undefined, payload: BodyInit | undefined]> {
  if (body instanceof Blob) return [body.type, await body.text()];
  if (body !== undefined) return ["application/json", JSON.stringify(body)];
  return [undefined, raw as BodyInit | undefined];
}

/** Adds the request to a network error, which does not name it. */
const failed =
  (method: string, path: string) =>
  (error: Error): never => {
    const reasons = [error, error.cause].filter((reason) => reason instanceof Error);
    const messages = reasons.map(({ message }) => message).join(": ");
    throw new Error(`${method} ${path} got no complete response: ${messages}`, { cause: error });
  };

/**
 * Sends a request that `fetch` cannot send: with any Host, with a chunked body, or from another local address.
 *
 * @param chunks the body, written chunk by chunk
 */
export function rawRequest(
  origin: string,
  {
    method = "GET",
    path = "/",
    headers = {},
    chunks = [],
    localAddress,
  }: {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    chunks?: Uint8Array[];
    localAddress?: string;
  },
): Promise<Pick<Answer, "status" | "headers" | "text">> {
  return new Promise<Pick<Answer, "status" | "headers" | "text">>((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const options = { hostname: hostname.replace(/^\[|\]$/g, ""), port, method, path, headers, localAddress };
    const request = httpRequest(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("error", reject).on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(response.headers as Record<string, string>),
          text,
        }),
      );
    });
    request.on("error", reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  }).catch(failed(method, path));
}
