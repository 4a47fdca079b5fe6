import type { Context } from "hono";
import type { Caller } from "./auth.ts";
import { firstHeaders } from "./headers.ts";
import { Observed } from "./observe.ts";

/** The form of an id that a client may give its request. */
export const REQUEST_ID_FORM = /^[\w\-=.]{1,128}$/;

/** The client's own id of a request where it has the right form, otherwise a new one. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("X-Request-Id");
  return given && REQUEST_ID_FORM.test(given) ? given : crypto.randomUUID();
}

/** One request and what becomes of it. */
export class Exchange {
  /** As `performance.now()` told it. */
  readonly arrival = performance.now();
  /** When the time for the request is over, as `performance.now()` will tell. */
  readonly deadline: number;
  readonly requestId: string;
  /** Headers that the answer will have, whatever it is: see `firstHeaders`. */
  readonly headers: Record<string, string>;
  readonly observed = new Observed();
  /** Who asks, on a route with a role. */
  caller: Caller | undefined;
  /** Whether the body was read to its end. */
  isBodyRead = false;

  /** @param time milliseconds that the request has */
  constructor({ headers }: Request, time: number) {
    this.deadline = this.arrival + time;
    this.requestId = requestIdOf(headers);
    this.headers = firstHeaders(this.requestId);
  }

  /** Milliseconds that the request has left, or a share of them. */
  timeLeft(share = 1): number {
    return Math.max(0, Math.floor((this.deadline - performance.now()) * share));
  }
}

/** What answers a request. */
export type Handler = (c: Context, exchange: Exchange) => Promise<Response>;
