import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { atEnd } from "./end.ts";

/** An identity provider, as far as this API sees one: a URL with a key set. */
export interface Provider {
  url: string;
  /** How often it was asked. */
  asked: number;
  /** How it answers; by default with what was published. */
  answer: (response: ServerResponse) => void;
  /** Makes these its keys, and answers well. */
  publish(...keys: JWK[]): void;
}

export async function startProvider(): Promise<Provider> {
  const server = createServer((_, response) => {
    provider.asked++;
    provider.answer(response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const provider: Provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    asked: 0,
    answer: (response) => response.writeHead(404).end(),
    publish(...keys) {
      provider.answer = answering(200, JSON.stringify({ keys }), { "Content-Type": "application/json" });
    },
  };
  return provider;
}

/** Gives the same answer each time. */
export const answering =
  (status: number, body = "", headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body);

/** A key pair; its public half does not say what it is for, as providers may leave that out. */
export async function createKey(alg: "RS256" | "ES256" | "EdDSA", kid: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}
