import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import Provider, { type Configuration } from "oidc-provider";
import { expect } from "vitest";
import type { CookieJar } from "./cookies.ts";
import { atEnd } from "./end.ts";

/** The client that servers of the tests have at the provider. */
export const CLIENT_ID = "counter";
/** The audience of access tokens for the API. */
export const AUDIENCE = "https://api.shop.example";

/** A certified OpenID provider on loopback. */
export interface OpenIdProvider {
  issuer: string;
  /** Starts anew, with other settings. Requests before the first start get 503. */
  start(settings: Settings): void;
  /** Replaces the key from the next start on. */
  rotate(): Promise<void>;
  /** Replaces the responses for some requests; undefined for the provider's own. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** The requests that it has received. */
  requests: string[];
}

interface Settings {
  redirectUris: string[];
  /** The claims of whoever signs in, in the ID token. */
  claims: Record<string, unknown>;
  /** If given, access tokens are JWTs for the API, with these claims. */
  accessClaims?: Record<string, unknown>;
}

export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) =>
    void response.writeHead(503).end();
  const server = createServer((request, response) => {
    provider.requests.push(`${request.method} ${request.url}`);
    if (!provider.intercept?.(request, response)) answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  let key = await createKey();
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: OpenIdProvider = {
    issuer,
    intercept: undefined,
    requests: [],
    start(settings) {
      answer = new Provider(issuer, configurationOf(settings, key)).callback();
    },
    async rotate() {
      key = await createKey();
    },
  };
  return provider;
}

async function createKey() {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: crypto.randomUUID() };
}

function configurationOf({ redirectUris, claims, accessClaims }: Settings, jwk: object): Configuration {
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        token_endpoint_auth_method: "none",
        redirect_uris: redirectUris,
        id_token_signed_response_alg: "ES256",
        response_types: ["code"],
        grant_types: ["authorization_code"],
      },
    ],
    jwks: { keys: [jwk as never] },
    pkce: { required: () => true },
    claims: { openid: ["sub", ...Object.keys(claims)] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of the tests"] },
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...claims }) }),
    extraTokenClaims: async () => accessClaims,
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: accessClaims !== undefined,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "",
          audience: AUDIENCE,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  };
}

/** Signs in at the provider as its pages ask, and returns the address that it sends the browser back to. */
export async function signInAtProvider(jar: CookieJar, address: string, login: string): Promise<string> {
  const { origin } = new URL(address);
  let at = address;
  for (let step = 0; step < 12; step++) {
    if (new URL(at).origin !== origin) return at;
    let response = await jar.fetch(at);
    if (response.status === 200) {
      const html = await response.text();
      const action = html.match(/<form[^>]* action="([^"]+)"/)?.[1] ?? "";
      const prompt = html.match(/name="prompt" value="([^"]+)"/)?.[1] ?? "";
      response = await jar.post(new URL(action, at).href, { prompt, login, password: "any" });
    }
    expect(response.status, await response.clone().text()).toBeOneOf([302, 303]);
    at = new URL(response.headers.get("Location") ?? "", at).href;
  }
  throw new Error(`The provider does not send the browser back; it is at ${at}.`);
}
