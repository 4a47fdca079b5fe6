import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { atEnd } from "./end.ts";

/** An identity provider: a URL that serves a JSON Web Key Set. */
export interface Provider {
  url: string;
  /** The number of requests received. */
  requests: number;
  /** Responds to a request; by default with the published keys. */
  answer: (response: ServerResponse) => void;
  /** Replaces the keys, and restores the default response. */
  publish(...keys: JWK[]): void;
}

export async function startProvider(): Promise<Provider> {
  const server = createServer((_, response) => {
    provider.requests++;
    provider.answer(response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const provider: Provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    requests: 0,
    answer: (response) => response.writeHead(404).end(),
    publish(...keys) {
      provider.answer = answering(200, JSON.stringify({ keys }), { "Content-Type": "application/json" });
    },
  };
  return provider;
}

/** Sends the same response each time. */
export const answering =
  (status: number, body = "", headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body);

/** Creates a key pair. Its public key has no `alg` and `use`, which are optional (RFC 7517, section 4). */
export async function createKey(alg: "RS256" | "ES256" | "EdDSA", kid: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}
