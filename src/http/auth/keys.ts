import { errors, type JWTHeaderParameters } from "jose";
import { Problem } from "../problem.ts";
import { FETCH_MS, fetchKeySet, type KeySet, type KeySource } from "./provider.ts";

/** Milliseconds for which fetched keys are used without fetching again. */
const FRESH_MS = 10 * 60_000;
/** Milliseconds for which they are used while the provider is unavailable: about the lifetime of a token. */
const STALE_MS = 60 * 60_000;
/** The minimum time between two fetches, so that tokens with made-up key ids cannot flood the provider. */
const COOLDOWN_MS = 10_000;
/** A fetch that has not ended by then never will: its request was cancelled. */
const LOST_MS = FETCH_MS + 1_000;
/** The interval at which a request checks whether another one has fetched the keys. */
const POLL_MS = 20;

/** What a request passes to a lookup. */
export interface LookupOptions {
  /** Makes a signal that aborts when the request has waited long enough for the provider. */
  deadline: () => AbortSignal;
  /** Logs what is wrong with the provider; the request can still succeed. */
  warn: (fault: unknown) => void;
}

/**
 * The public keys of an OpenID provider, fetched on demand and cached. On Workers no connection and no promise may outlive
 * its request, so requests share only data: the keys, and until when one of them is fetching.
 */
export class ProviderKeys {
  readonly #source: KeySource;
  #keys: KeySet["find"] | undefined;
  /** When the keys were fetched. */
  #fetchedAt = Number.NEGATIVE_INFINITY;
  /** When the last fetch ended, and its error if it failed. */
  #triedAt = Number.NEGATIVE_INFINITY;
  #fault: unknown;
  /** Until when a request is fetching; it resets this when it is done. */
  #fetchingUntil = Number.NEGATIVE_INFINITY;

  constructor(source: KeySource) {
    this.#source = source;
  }

  /**
   * Finds the key that the header of a token names.
   *
   * @throws JOSEError if the provider has no such key, Problem `service_unavailable` if it cannot be determined
   */
  async find(header: JWTHeaderParameters, lookup: LookupOptions): Promise<CryptoKey> {
    const age = Date.now() - this.#fetchedAt;
    if (age >= FRESH_MS && (age >= STALE_MS || !this.#fetching)) await this.#refresh(lookup);
    try {
      return await this.#pick(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#refresh(lookup);
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

  /** Fetches the keys unless they were fetched just now. While another request fetches, waits for its result. */
  async #refresh({ deadline, warn }: LookupOptions): Promise<void> {
    const late = deadline();
    while (this.#fetching) {
      if (late.aborted) throw unavailable(late.reason);
      await new Promise((wake) => setTimeout(wake, POLL_MS));
    }
    if (Date.now() - this.#triedAt < COOLDOWN_MS) return;
    this.#fetchingUntil = Date.now() + LOST_MS;
    try {
      const signal = AbortSignal.any([late, AbortSignal.timeout(FETCH_MS)]);
      const { find, warnings } = await fetchKeySet(this.#source, signal);
      for (const fault of warnings) warn(fault);
      this.#keys = find;
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

function unavailable(cause: unknown): Problem {
  const message = "The identity provider's keys are unavailable, so tokens cannot be verified.";
  return new Problem("service_unavailable", message, {
    headers: { "Retry-After": String(COOLDOWN_MS / 1000) },
    cause,
  });
}
