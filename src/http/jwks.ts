import { createLocalJWKSet, errors, type JWTHeaderParameters } from "jose";
import { Problem } from "./problem.ts";

/** Milliseconds for which fetched keys are used without asking for others. */
const FRESH_MS = 10 * 60_000;
/** Milliseconds for which they are used while no others can be had: about as long as tokens live. */
const STALE_MS = 60 * 60_000;
/** The least time between two fetches: tokens with made-up key ids must not make us hammer the provider. */
const COOLDOWN_MS = 10_000;
/** What a fetch may take. */
const FETCH_MS = 3_000;
/** A fetch that has not ended by then never will: its request was cut off. */
const LOST_MS = FETCH_MS + 1_000;
/** The largest answer that is read. Providers' key sets have a few KiB. */
const MAX_BYTES = 256 * 1024;
/** How often a request looks whether the keys that another one fetches are there. */
const POLL_MS = 20;

/** What finding a key may cost the request it is for. */
export interface Patience {
  /** Aborts when the time to wait for a provider is over. */
  deadline: () => AbortSignal;
  /** Takes what goes wrong at the provider, for the log: with keys at hand the request goes on. */
  warn: (fault: unknown) => void;
}

/**
 * The public keys of an OpenID provider (a JWK Set, RFC 7517), fetched when tokens need them and then kept. On Workers
 * no connection and no promise may outlive its request, so requests share data alone: the keys, and until when one
 * of them is fetching.
 */
export class ProviderKeys {
  readonly #url: string;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  /** When the keys came. */
  #fetchedAt = Number.NEGATIVE_INFINITY;
  /** When the last fetch ended, whatever it brought; and its fault. */
  #triedAt = Number.NEGATIVE_INFINITY;
  #fault: unknown;
  /** Until when a request is fetching; it sets this back when it is done. */
  #fetchingUntil = Number.NEGATIVE_INFINITY;

  /** @param url where the provider has its key set; an answer from elsewhere, by redirection, is none */
  constructor(url: string) {
    this.#url = url;
  }

  /**
   * The key that a token names in its header.
   *
   * @throws JOSEError where the provider has no such key, Problem `service_unavailable` where that cannot be known
   */
  async find(header: JWTHeaderParameters, patience: Patience): Promise<CryptoKey> {
    const age = Date.now() - this.#fetchedAt;
    if (age >= FRESH_MS && (age >= STALE_MS || !this.#fetching)) await this.#refresh(patience);
    try {
      return await this.#pick(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#refresh(patience);
    try {
      return await this.#pick(header);
    } catch (error) {
      throw this.#fault === undefined ? error : unavailable(this.#fault);
    }
  }

  async #pick(header: JWTHeaderParameters): Promise<CryptoKey> {
    if (!this.#keys || Date.now() - this.#fetchedAt >= STALE_MS) throw unavailable(this.#fault);
    try {
      const key = await this.#keys(header);
      const { modulusLength = 2048 } = key.algorithm as Partial<RsaHashedKeyAlgorithm>;
      if (modulusLength < 2048) throw new Error("an RSA key has fewer than 2048 bits");
      return key;
    } catch (error) {
      const { JWKSNoMatchingKey, JWKSMultipleMatchingKeys } = errors;
      if (error instanceof JWKSNoMatchingKey || error instanceof JWKSMultipleMatchingKeys) throw error;
      throw unavailable(error);
    }
  }

  get #fetching(): boolean {
    return Date.now() < this.#fetchingUntil;
  }

  /** Fetches the keys, unless that was done just now. While another request does it, waits for what it brings. */
  async #refresh({ deadline, warn }: Patience): Promise<void> {
    const late = deadline();
    while (this.#fetching) {
      if (late.aborted) throw unavailable(late.reason);
      await new Promise((wake) => setTimeout(wake, POLL_MS));
    }
    if (Date.now() - this.#triedAt < COOLDOWN_MS) return;
    this.#fetchingUntil = Date.now() + LOST_MS;
    try {
      this.#keys = await fetchKeys(this.#url, AbortSignal.any([late, AbortSignal.timeout(FETCH_MS)]));
      this.#fetchedAt = Date.now();
      this.#fault = undefined;
    } catch (error) {
      this.#fault = error;
      warn(error);
    }
    this.#triedAt = Date.now();
    this.#fetchingUntil = Number.NEGATIVE_INFINITY;
  }
}

async function fetchKeys(url: string, signal: AbortSignal) {
  const headers = { Accept: "application/jwk-set+json, application/json" };
  const response = await fetch(url, { headers, redirect: "manual", signal });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the identity provider answered ${response.status}`);
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw new Error(`the identity provider's keys have more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return createLocalJWKSet(JSON.parse(await new Blob(chunks).text()));
}

function unavailable(cause: unknown): Problem {
  const message = "The keys of the identity provider cannot be had, so that tokens cannot be verified.";
  return new Problem("service_unavailable", message, {
    headers: { "Retry-After": String(COOLDOWN_MS / 1000) },
    cause,
  });
}
