import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { atEnd } from "./end.ts";

/** How a server deals with one request. */
export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;

/** A server that does as it is told, and keeps what it was asked. */
export interface FaultyServer {
  url: string;
  /** Since the last {@link FaultyServer.behave}. */
  requests: IncomingMessage[];
  /** Deals with the next requests one after the other, and with all later ones as with the last. */
  behave(...behaviours: Behaviour[]): void;
}

export async function startFaulty(): Promise<FaultyServer> {
  let behaviours: Behaviour[] = [];
  const faulty: FaultyServer = {
    url: "",
    requests: [],
    behave(...given) {
      behaviours = given;
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

/** Gives a whole answer. */
export const answering =
  (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour =>
  (response) => {
    const type = typeof body === "string" ? "text/html" : "application/json";
    response.writeHead(status, { "Content-Type": type, ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };

export const never: Behaviour = () => {};

export const closing: Behaviour = (response) => response.destroy();

/** Begins an answer and closes the connection; `headers` decide whether that can be seen. */
export const breaking =
  (text: string, headers: Record<string, string> = {}): Behaviour =>
  (response) => {
    response.writeHead(200, { "Content-Type": "application/json", ...headers });
    response.write(text, () => response.destroy());
  };
