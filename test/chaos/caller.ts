/** Sends requests to a server, and tells a right answer from one that says "not now" and from a wrong one. */
import { tokenFor } from "../support/token.ts";
import { DEADLINE_MS } from "./servers.ts";

/** A request was answered as if nothing were wrong, or with a problem that tells the client to try again. */
export type Outcome = "right" | "unavailable";

/** What no fault excuses. */
export class WrongAnswer extends Error {
  override name = "WrongAnswer";
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Whether the whole body arrived. */
  isWhole: boolean;
}

/** On a busy machine, an answer may need so much longer than its deadline to get here. */
const GRACE_MS = 8000;

/** Problems that ask for another attempt. */
const AGAIN = ["database_unavailable", "service_unavailable", "idempotency_in_progress", "rate_limited"];

export class Caller {
  readonly #origin: string;
  readonly #authorization: string;
  /** The longest time of a response that was no stream, in milliseconds. */
  slowest = 0;

  private constructor(origin: string, token: string) {
    this.#origin = origin;
    this.#authorization = `Bearer ${token}`;
  }

  static async to(origin: string, subject: string): Promise<Caller> {
    return new Caller(origin, await tokenFor("admin", subject));
  }

  /** @throws WrongAnswer if the server does not answer in time, or with a status of 500 */
  async send(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const started = performance.now();
    const name = `${method} ${path.slice(0, 80)}`;
    const isStream = /import|export/.test(path);
    const signal = AbortSignal.timeout(DEADLINE_MS * (isStream ? 5 : 1) + GRACE_MS);
    const headers = { Authorization: this.#authorization, ...init.headers };
    const response = await fetch(this.#origin + path, { ...init, method, headers, signal }).catch(
      (error: Error) => {
        throw new WrongAnswer(`${name} got no answer: ${error.message} ${error.cause ?? ""}`);
      },
    );
    const text = await response.text().catch(() => undefined);
    if (text === undefined && !isStream) throw new WrongAnswer(`${name} broke off.`);
    if (!isStream) this.slowest = Math.max(this.slowest, performance.now() - started);
    return {
      status: response.status,
      headers: response.headers,
      text: text ?? "",
      isWhole: text !== undefined,
    };
  }

  post(path: string, body: unknown, key: string): Promise<Answer> {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
    return this.send("POST", path, { body: JSON.stringify(body), headers });
  }
}

/**
 * Whether an answer asks for another attempt.
 *
 * @throws WrongAnswer if it does not do so as documented
 */
export function asksToTryAgain({ status, headers, text }: Answer): boolean {
  if (![503, 409, 429].includes(status)) return false;
  const { error } = headers.get("Content-Type")?.startsWith("application/problem+json")
    ? JSON.parse(text)
    : { error: text.slice(0, 80) };
  if (status === 409 && error !== "idempotency_in_progress") return false;
  if (!AGAIN.includes(error)) throw new WrongAnswer(`A ${status} is ${error}.`);
  if (status !== 409 && !headers.has("Retry-After")) throw new WrongAnswer(`A ${status} has no Retry-After.`);
  return true;
}

/** @throws WrongAnswer */
export const wrong = (what: string, { status, text }: Answer): never => {
  throw new WrongAnswer(`${what}: ${status} ${text.slice(0, 300)}`);
};
