/**
 * Signing in at an OpenID provider: the authorization code flow with PKCE, as a public client (OpenID Connect Core 1.0,
 * section 3.1; RFC 7636). The provider's keys verify the ID token, by the rules for every other token.
 */
import * as oauth from "oauth4webapi";
import type { Authenticator, Principal } from "./authenticate.ts";
import type { LookupOptions } from "./keys.ts";
import { FETCH_MS, limitedFetch, ProviderFault } from "./provider.ts";
import { Refusal } from "./refusals.ts";
import type { Checks } from "./session.ts";
import type { SignIn } from "./settings.ts";

/** The provider did not let somebody sign in; the message tells them why. */
export class SignInFault extends Error {
  override name = "SignInFault";
}

/** Clocks may differ by so many seconds, as in tokens. */
const CLOCK_TOLERANCE = 5;

export class AuthorizationCodeFlow {
  readonly #signIn: SignIn;
  readonly #client: oauth.Client;
  readonly #authenticator: Authenticator;

  constructor(signIn: SignIn, authenticator: Authenticator) {
    this.#signIn = signIn;
    this.#client = { client_id: signIn.clientId, [oauth.clockTolerance]: CLOCK_TOLERANCE };
    this.#authenticator = authenticator;
  }

  /**
   * Where to send the browser.
   *
   * @throws ProviderFault, or another error if the provider does not respond
   */
  async begin(redirectUri: string): Promise<{ address: string; checks: Checks }> {
    const checks = {
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
    };
    const { authorization_endpoint: endpoint } = await this.#discover();
    if (!endpoint || !URL.canParse(endpoint))
      throw new ProviderFault("The identity provider's discovery document has no authorization_endpoint.");
    const address = new URL(endpoint);
    const parameters = {
      client_id: this.#signIn.clientId,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: this.#signIn.scopes,
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(checks.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    return { address: address.href, checks };
  }

  /**
   * Who signed in, from what the provider sent the browser back with. Roles come from the access token if that is one for
   * this service, else from the ID token.
   *
   * @param response the URL that the browser came back to
   * @throws SignInFault, ProviderFault, Problem, or another error if the provider does not respond
   */
  async finish(
    response: URL,
    redirectUri: string,
    { state, nonce, verifier }: Checks,
    lookup: LookupOptions,
  ): Promise<Principal> {
    try {
      const server = await this.#discover();
      const parameters = oauth.validateAuthResponse(server, this.#client, response, state);
      const answer = await oauth.authorizationCodeGrantRequest(
        server,
        this.#client,
        oauth.None(),
        parameters,
        redirectUri,
        verifier,
        options(),
      );
      const tokens = await oauth.processAuthorizationCodeResponse(server, this.#client, answer, {
        expectedNonce: nonce,
        requireIdToken: true,
      });
      return await this.#principalOf(tokens, lookup);
    } catch (error) {
      throw faultOf(error);
    }
  }

  async #principalOf(
    { id_token: idToken = "", access_token: accessToken }: oauth.TokenEndpointResponse,
    lookup: LookupOptions,
  ): Promise<Principal> {
    const identity = await this.#authenticator.verify(idToken, lookup, this.#signIn.clientId);
    // Many access tokens are not for this service, or are no JWT at all.
    const access = await this.#authenticator.verify(accessToken, lookup).catch((error) => {
      if (error instanceof Refusal) return undefined;
      throw error;
    });
    return access?.subject === identity.subject && access.roles.length > 0 ? access : identity;
  }

  async #discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.#signIn.issuer);
    try {
      return await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options()));
    } catch (error) {
      if (!(error instanceof oauth.OperationProcessingError)) throw error;
      const message = "The identity provider's discovery document is wrong, or names another issuer.";
      throw new ProviderFault(message, { cause: error });
    }
  }
}

/** HTTP is for providers on loopback; the configuration admits no others without TLS. */
const options = () => ({
  [oauth.customFetch]: limitedFetch,
  [oauth.allowInsecureRequests]: true,
  signal: AbortSignal.timeout(FETCH_MS),
});

function faultOf(error: unknown): unknown {
  if (error instanceof oauth.AuthorizationResponseError)
    return new SignInFault(
      error.error === "access_denied"
        ? "The identity provider did not let you in."
        : "The identity provider could not sign you in.",
      { cause: error },
    );
  if (error instanceof oauth.ResponseBodyError)
    return new SignInFault("The identity provider did not accept this sign-in. It may have expired.", {
      cause: error,
    });
  if (error instanceof oauth.OperationProcessingError)
    return new SignInFault("The response of the identity provider does not fit this sign-in.", {
      cause: error,
    });
  return error;
}
