/**
 * Signing in at an OpenID provider: the authorization code flow with PKCE, as a public client (OpenID Connect Core 1.0,
 * section 3.1; RFC 7636; RFC 9207). The ID token is verified with the keys and by the rules for every other token.
 */
import { base64url } from "jose";
import type { Authenticator, Principal } from "./authenticate.ts";
import type { LookupOptions } from "./keys.ts";
import { discover, endpointOf, FETCH_MS, fetchJson, ProviderFault } from "./provider.ts";
import { Refusal } from "./refusals.ts";
import type { Checks } from "./session.ts";
import type { SignIn } from "./settings.ts";

/** The provider did not let somebody sign in; the message tells them why. */
export class SignInFault extends Error {
  override name = "SignInFault";
}

export class AuthorizationCodeFlow {
  readonly #signIn: SignIn;
  readonly #authenticator: Authenticator;

  constructor(signIn: SignIn, authenticator: Authenticator) {
    this.#signIn = signIn;
    this.#authenticator = authenticator;
  }

  /**
   * Where to send the browser.
   *
   * @throws ProviderFault, or another error if the provider does not respond
   */
  async begin(redirectUri: string): Promise<{ address: string; checks: Checks }> {
    const { issuer, clientId, scopes } = this.#signIn;
    const document = await discover(issuer, AbortSignal.timeout(FETCH_MS));
    const checks = { state: random(), nonce: random(), verifier: random() };
    const address = new URL(endpointOf(document, "authorization_endpoint"));
    const parameters = {
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: scopes,
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await challengeOf(checks.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    return { address: address.href, checks };
  }

  /**
   * Who signed in, from what the provider sent the browser back with. Roles come from the access token if that is one for
   * this service, else from the ID token.
   *
   * @param response the parameters with which the browser came back
   * @throws SignInFault, ProviderFault, Problem, or another error if the provider does not respond
   */
  async finish(
    response: URLSearchParams,
    redirectUri: string,
    { state, nonce, verifier }: Checks,
    lookup: LookupOptions,
  ): Promise<Principal> {
    const { issuer, clientId } = this.#signIn;
    const sender = response.get("iss");
    if (response.get("state") !== state || (sender !== null && sender !== issuer)) throw unfitting();
    if (response.has("error")) throw refused(response);
    const code = response.get("code");
    if (!code) throw unfitting();
    const signal = AbortSignal.timeout(FETCH_MS);
    const document = await discover(issuer, signal);
    if (sender === null && document.authorization_response_iss_parameter_supported === true)
      throw unfitting();
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      client_id: clientId,
      code_verifier: verifier,
    });
    const tokens = await fetchJson(
      endpointOf(document, "token_endpoint"),
      "token response",
      signal,
      body,
    ).catch((error) => {
      // RFC 6749, 5.2: the code is unknown, used or expired, or the verifier is another one.
      if (!(error instanceof ProviderFault && error.status === 400)) throw error;
      const message = "The identity provider did not accept this sign-in. It may have expired.";
      throw new SignInFault(message, { cause: error });
    });
    const identity = await this.#authenticator.verify(`${tokens.id_token}`, lookup, {
      audience: clientId,
      nonce,
    });
    const access = await this.#accessOf(tokens.access_token, lookup);
    return access?.subject === identity.subject && access.roles.length > 0 ? access : identity;
  }

  /** The principal of an access token. Many are not for this service, or are no JWT at all. */
  async #accessOf(token: unknown, lookup: LookupOptions): Promise<Principal | undefined> {
    try {
      return await this.#authenticator.verify(`${token}`, lookup);
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }
}

/** 256 bits, in the characters that PKCE allows. */
const random = (): string => base64url.encode(crypto.getRandomValues(new Uint8Array(32)));

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url.encode(new Uint8Array(digest));
}

const unfitting = () => new SignInFault("The response of the identity provider does not fit this sign-in.");

function refused(response: URLSearchParams): SignInFault {
  const [error, description] = ["error", "error_description"].map((name) =>
    response.get(name)?.slice(0, 200),
  );
  const message =
    error === "access_denied"
      ? "The identity provider did not let you in."
      : "The identity provider could not sign you in.";
  return new SignInFault(message, { cause: new Error(`${error}: ${description}`) });
}
