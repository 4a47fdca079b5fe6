/**
 * The sessions of people who signed in at `/staff`. A session is a sealed cookie, of which the server keeps nothing: who
 * signed in, with which roles, and until when. It never holds a token.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { parse, serialize } from "hono/utils/cookie";
import { isLoopback } from "../host.ts";
import { Seal } from "../seal.ts";
import type { Authentication, Principal } from "./authenticate.ts";

/** The path below which cookies are sent. */
export const STAFF = "/staff";

/** Whether a path is of a page for staff. */
export const isForStaff = (path: string): boolean => path === STAFF || path.startsWith(`${STAFF}/`);

/** The one cookie: it holds a session, or before that an attempt to sign in. */
const COOKIE = "octavo_staff";
/** Seconds that signing in may take. */
export const ATTEMPT_SECONDS = 10 * 60;

/** Seconds after which a session ends if nobody uses it, and after which it ends in any case. */
const IDLE_SECONDS = 60 * 60;
const MAX_SECONDS = 12 * 60 * 60;
/** A cookie that is older is sent anew, so that the session goes on. */
const RENEWED_SECONDS = 60;

export interface Session {
  /** Random; the tokens in forms belong to it. */
  id: string;
  principal: Principal;
  /** When the session ends in any case, in seconds since the epoch. */
  end: number;
  /** When the session was last used, to the minute. */
  seen: number;
}

/** What is remembered of somebody who is about to sign in. */
export interface Attempt {
  /** Random; the token in the form belongs to it. */
  id: string;
  /** The page to return to. */
  to: string;
  /** In seconds since the epoch. */
  end: number;
  /** What the response of the identity provider has to fit. */
  checks?: Checks;
}

/** Of one authorization request: `state`, `nonce`, and the code verifier of PKCE. */
export interface Checks {
  state: string;
  nonce: string;
  verifier: string;
}

const now = () => Math.floor(Date.now() / 1000);

export class Sessions {
  readonly #seal: Seal;
  readonly #scope: string;

  /**
   * @param key at least 32 bytes, the same on every instance
   * @param authentication who may do what: once that is configured anew, sessions from before it are over
   */
  constructor(key: Uint8Array, authentication: Authentication) {
    this.#seal = new Seal(key);
    this.#scope = `staff ${fingerprintOf(authentication)}`;
  }

  /** Starts a session. It does not outlast the token that it was started with, if `ends` says when that expires. */
  start(principal: Principal, ends?: number): Session {
    const seen = now();
    return { id: crypto.randomUUID(), principal, end: Math.min(seen + MAX_SECONDS, ends ?? Infinity), seen };
  }

  /** The session that a request belongs to. */
  find(headers: Headers): Session | undefined {
    const session = this.#open<Session>("session", headers);
    const isOver = !session || now() >= Math.min(session.end, session.seen + IDLE_SECONDS);
    return isOver ? undefined : session;
  }

  /** The cookie with which a session goes on; undefined if the client's own is new enough. */
  renewed(session: Session, url: URL): string | undefined {
    const seen = now();
    return seen - session.seen < RENEWED_SECONDS ? undefined : this.cookie({ ...session, seen }, url);
  }

  cookie = (session: Session, url: URL): string => this.#keep("session", session, url, session.end - now());

  /** The cookie that ends a session. */
  ended = (url: URL): string => cookieOf("", url, 0);

  findAttempt(headers: Headers): Attempt | undefined {
    const attempt = this.#open<Attempt>("attempt", headers);
    return attempt && now() < attempt.end ? attempt : undefined;
  }

  attemptCookie = (attempt: Attempt, url: URL): string =>
    this.#keep("attempt", attempt, url, ATTEMPT_SECONDS);

  /** The token that the forms of a session or an attempt carry, so that no other site can send them. */
  formToken = (id: string): string => this.#seal.seal(`${this.#scope} form ${id}`, "");

  isFormToken = (id: string, token: string): boolean =>
    this.#seal.open(`${this.#scope} form ${id}`, token) === "";

  #open<Content extends object>(kind: "session" | "attempt", headers: Headers): Content | undefined {
    const value = parse(headers.get("Cookie") ?? "", COOKIE)[COOKIE];
    const text = value && this.#seal.open(`${this.#scope} ${kind}`, value);
    return text ? JSON.parse(text) : undefined;
  }

  #keep(kind: "session" | "attempt", content: object, url: URL, seconds: number): string {
    return cookieOf(this.#seal.seal(`${this.#scope} ${kind}`, JSON.stringify(content)), url, seconds);
  }
}

/** Only pages below {@link STAFF} get the cookie. On loopback there is no TLS. */
const cookieOf = (value: string, { hostname }: URL, maxAge: number): string =>
  serialize(COOKIE, value, {
    path: STAFF,
    httpOnly: true,
    sameSite: "Lax",
    secure: !isLoopback(hostname),
    maxAge,
  });

/** Changes with everything that decides who may do what. */
function fingerprintOf(authentication: Authentication): string {
  const text = JSON.stringify(authentication, (_, value) =>
    value instanceof Uint8Array ? bytesToHex(value) : value,
  );
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}
