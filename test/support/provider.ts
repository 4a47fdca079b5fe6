import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { atEnd } from "./end.ts";

/** An identity provider: a server on loopback with a JSON Web Key Set, and with discovery documents of its issuers. */
export interface Provider {
  /** The URL of the key set. */
  url: string;
  /** The server's own issuer. */
  issuer: string;
  /** The number of requests received. */
  requests: number;
  /** Responds to a request for the keys; by default with the published keys. */
  answer: (response: ServerResponse) => void;
  /** Responds to a request for a discovery document; by default with one for the issuer in the URL. */
  answerDiscovery: (response: ServerResponse, request: IncomingMessage) => void;
  /** Replaces the keys, and restores the default response. */
  publish(...keys: JWK[]): void;
}

const DISCOVERY = "/.well-known/openid-configuration";

/** Starts a provider. Every path is an issuer of it, without a slash at the end and with the same keys. */
export async function startProvider(): Promise<Provider> {
  const server = createServer((request, response) => {
    provider.requests++;
    if (request.url?.endsWith(DISCOVERY)) provider.answerDiscovery(response, request);
    else provider.answer(response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: Provider = {
    url: `${origin}/keys`,
    issuer: origin,
    requests: 0,
    answer: (response) => response.writeHead(404).end(),
    answerDiscovery: (response, { url = "" }) =>
      answering(
        200,
        JSON.stringify(discovery(origin + url.slice(0, -DISCOVERY.length), provider.url)),
      )(response),
    publish(...keys) {
      provider.answer = answering(200, JSON.stringify({ keys }), { "Content-Type": "application/json" });
    },
  };
  return provider;
}

/** A discovery document with what OpenID Connect Discovery 1.0, section 3, requires. */
export const discovery = (issuer: string, keys: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: keys,
  response_types_supported: ["code"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["RS256"],
});

/** Sends the same response each time. */
export const answering =
  (status: number, body = "", headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body);

/** A key pair. */
export type Key = Awaited<ReturnType<typeof createKey>>;

/** Creates a key pair. Its public key has no `alg` and `use`, which are optional (RFC 7517, section 4). */
export async function createKey(alg: string, kid: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}

/** A token with these claims, signed with a key of a provider. */
export const signWith = ({ alg, kid, privateKey }: Key, claims: JWTPayload): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg, kid, typ: "JWT" }).sign(privateKey);
