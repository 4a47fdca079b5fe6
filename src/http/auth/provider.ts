/** What an OpenID provider publishes: its discovery document, and its keys as a JSON Web Key Set (RFC 7517). */
import { createLocalJWKSet, type JWK } from "jose";
import { isLoopback } from "../host.ts";

/** The algorithms that a provider's key can have (RFC 7518, RFC 8037). */
export const ALGORITHMS = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA"] as const),
] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Where keys come from, and what they may sign. */
export interface KeySource {
  issuer: string;
  /** The URL of the keys; if undefined, the issuer's discovery document names it. */
  url?: string | undefined;
  /** The algorithms that are allowed; if undefined, all. */
  algorithms?: readonly Algorithm[] | undefined;
}

export interface KeySet {
  find: ReturnType<typeof createLocalJWKSet>;
  /** Whether a key has an allowed algorithm; otherwise every token is rejected. */
  isUsable: boolean;
  /** What the operator should know about the keys. */
  warnings: ProviderFault[];
}

/** Says in a sentence what is wrong with a provider, or with the variables that describe it. */
export class ProviderFault extends Error {
  override name = "ProviderFault";
}

/** The time limit for discovery and keys together. */
export const FETCH_MS = 3_000;
/** The largest response that is read. Providers' documents have a few KiB. */
const MAX_BYTES = 256 * 1024;

/** The algorithm of a key without `alg`, by its curve. */
const CURVES = new Map<unknown, Algorithm>([
  ["P-256", "ES256"],
  ["P-384", "ES384"],
  ["P-521", "ES512"],
  ["Ed25519", "EdDSA"],
]);

/**
 * Fetches the keys of a provider.
 *
 * @throws ProviderFault if its response is wrong, another error if it does not respond
 */
export async function fetchKeySet(source: KeySource, signal: AbortSignal): Promise<KeySet> {
  const discovered = source.url ? undefined : await discover(source.issuer, signal);
  const url = source.url ?? discovered?.url ?? "";
  const set = await fetchJson(url, "key set", signal);
  if (typeof set.jwks_uri === "string" && !("keys" in set)) {
    throw new ProviderFault(
      "AUTH_JWKS_URL points to a discovery document instead of a key set. Unset it: AUTH_ISSUER is enough to find the keys. Or set it to the jwks_uri of that document.",
    );
  }
  return usableKeys(set, source.algorithms, discovered?.algorithms);
}

/** Reads the discovery document of an issuer (OpenID Connect Discovery 1.0, section 4). */
async function discover(issuer: string, signal: AbortSignal) {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const document = await fetchJson(url, "discovery document", signal);
  if (document.issuer !== issuer) throw new ProviderFault(issuerFault(document.issuer, issuer));
  const { jwks_uri: keys, id_token_signing_alg_values_supported: algorithms } = document;
  if (typeof keys !== "string" || !isProviderUrl(keys) || (isRemote(issuer) && !isRemote(keys))) {
    throw new ProviderFault(
      "The identity provider's discovery document has no jwks_uri that begins with https://.",
    );
  }
  return { url: keys, algorithms: Array.isArray(algorithms) ? algorithms : [] };
}

function issuerFault(named: unknown, issuer: string): string {
  if (typeof named !== "string") return "The identity provider's discovery document names no issuer.";
  const difference =
    named.replace(/\/$/, "") === issuer.replace(/\/$/, "") ? "differs by the slash at its end" : "differs";
  return `The identity provider calls itself ${JSON.stringify(named.slice(0, 200))}, but AUTH_ISSUER ${difference}. They must be equal.`;
}

/** Keys over plain HTTP could be forged, and errors of `fetch` would show a user name and password. */
export function isProviderUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  const isSecure = protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
  return isSecure && username === "" && password === "";
}

const isRemote = (url: string) => !isLoopback(new URL(url).hostname);

async function fetchJson(url: string, name: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const headers = { Accept: "application/json, application/jwk-set+json" };
  const response = await fetch(url, { headers, redirect: "manual", signal });
  if (response.status !== 200) {
    await response.body?.cancel();
    const isRedirect = response.status >= 300 && response.status < 400;
    const consequence = isRedirect ? " Redirects are not followed." : "";
    throw new ProviderFault(
      `The identity provider responded with ${response.status} for its ${name}.${consequence}`,
    );
  }
  const text = await readText(response, name);
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // The parser's message quotes the response.
  }
  throw new ProviderFault(`The identity provider's ${name} is not a JSON object.`);
}

async function readText(response: Response, name: string): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) {
      throw new ProviderFault(`The identity provider's ${name} exceeds ${MAX_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return new Blob(chunks).text();
}

/** `fetch` for a library: redirects are not followed, and a response may only be so long. */
export async function limitedFetch(
  url: string,
  { body = null, ...init }: Omit<RequestInit, "body"> & { body?: BodyInit | null | undefined },
): Promise<Response> {
  const response = await fetch(url, { ...init, body, redirect: "manual" });
  const { status, headers } = response;
  return new Response((await readText(response, "response")) || null, { status, headers });
}

/** Gives every key its algorithms before any token arrives, so that no token can choose. */
function usableKeys(
  set: Record<string, unknown>,
  allowed: readonly Algorithm[] = ALGORITHMS,
  supported: unknown[] = [],
): KeySet {
  const { keys } = set;
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "object" && key !== null)) {
    throw new ProviderFault("The identity provider's key set has no list of keys.");
  }
  const forRsa = rsaAlgorithms(allowed === ALGORITHMS ? supported : allowed);
  const usable: JWK[] = [];
  const unused = new Set<string>();
  for (const key of keys as JWK[]) {
    const algorithms = algorithmsOf(key, forRsa);
    const fitting = algorithms.filter((algorithm) => (allowed as readonly string[]).includes(algorithm));
    usable.push(...fitting.map((alg) => ({ ...key, alg })));
    if (fitting.length === 0 && isForSignatures(key)) unused.add(algorithms.join() || `${key.kty}`);
  }
  const isUsable = usable.some(isForSignatures);
  return { find: createLocalJWKSet({ keys: usable }), isUsable, warnings: warningsOf(isUsable, [...unused]) };
}

/** Without any other hint, an RSA key verifies RS256, which every provider supports. */
function rsaAlgorithms(named: readonly unknown[]): string[] {
  const found = named.filter((name) => typeof name === "string" && /^[RP]S(256|384|512)$/.test(name));
  return found.length > 0 ? (found as string[]) : ["RS256"];
}

function algorithmsOf({ alg, kty, crv }: JWK, forRsa: readonly string[]): readonly string[] {
  if (typeof alg === "string") return [alg];
  if (kty === "RSA") return forRsa;
  const algorithm = CURVES.get(crv);
  return algorithm ? [algorithm] : [];
}

const isForSignatures = ({ use, key_ops: operations }: JWK) =>
  (use === undefined || use === "sig") && (!Array.isArray(operations) || operations.includes("verify"));

function warningsOf(isUsable: boolean, unused: string[]): ProviderFault[] {
  const kinds = unused.map((name) => name.slice(0, 20)).join(", ");
  if (!isUsable) {
    const others = kinds ? `: its keys are for ${kinds}` : "";
    return [new ProviderFault(`The identity provider has no key with an allowed algorithm${others}.`)];
  }
  if (!kinds) return [];
  return [
    new ProviderFault(
      `The identity provider also has keys for ${kinds}, which is not allowed. Tokens that they sign are rejected.`,
    ),
  ];
}
