import type { Authentication } from "./authenticate.ts";
import { FETCH_MS, fetchKeySet, ProviderFault } from "./provider.ts";

/**
 * Fetches an identity provider's keys once, so that the operator learns at the start what is wrong. Servers do this;
 * Workers have no network at the start, and log the same faults when a token needs the keys.
 *
 * @returns sentences for the operator; none if nothing is wrong
 */
export async function checkProvider(authentication: Authentication): Promise<string[]> {
  if (authentication.mode !== "jwks") return [];
  try {
    const { warnings } = await fetchKeySet(authentication, AbortSignal.timeout(FETCH_MS));
    return warnings.map(({ message }) => message);
  } catch (error) {
    return [`${providerFaultOf(error)} Until that changes, requests with a token are answered with 503.`];
  }
}

/** Says in a sentence why the keys of an identity provider cannot be had. */
export function providerFaultOf(error: unknown): string {
  const isWrong = error instanceof ProviderFault;
  return isWrong ? error.message : `The identity provider cannot be reached${reasonOf(error)}.`;
}

/** The code of a network error, which says more than its message. */
function reasonOf(error: unknown): string {
  const { code, name, cause } = error as NodeJS.ErrnoException & { cause?: { code?: unknown } };
  const reason = cause?.code ?? (name === "TimeoutError" ? "no answer in time" : code);
  return typeof reason === "string" ? ` (${reason})` : "";
}
