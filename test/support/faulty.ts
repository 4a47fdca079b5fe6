import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { atEnd } from "./end.ts";

/** Handles one request. */
export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;

/** A server with configurable behaviour, which records its requests. */
export interface FaultyServer {
  url: string;
  /** The requests since the last {@link FaultyServer.behave}. */
  requests: IncomingMessage[];
  /** Sets one behaviour for each of the next requests; the last one also handles all later requests. */
  behave(...behaviours: Behaviour[]): void;
}

export async function startFaulty(): Promise<FaultyServer> {
  let behaviours: Behaviour[] = [];
  const faulty: FaultyServer = {
    url: "",
    requests: [],
    behave(...next) {
      behaviours = next;
      faulty.requests = [];
    },
  };
  const server = createServer((request, response) => {
    faulty.requests.push(request);
    (behaviours[faulty.requests.length - 1] ?? behaviours.at(-1))?.(response, request);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  faulty.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return faulty;
}

/** Sends a complete response. */
export const answering =
  (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour =>
  (response) => {
    const type = typeof body === "string" ? "text/html" : "application/json";
    response.writeHead(status, { "Content-Type": type, ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };

export const never: Behaviour = () => {};

export const closing: Behaviour = (response) => response.destroy();

/** Begins a response and closes the connection. The client notices if `headers` promise a length. */
export const breaking =
  (text: string, headers: Record<string, string> = {}): Behaviour =>
  (response) => {
    response.writeHead(200, { "Content-Type": "application/json", ...headers });
    response.write(text, () => response.destroy());
  };
