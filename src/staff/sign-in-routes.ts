/** Signing in and out. */
import type { Api } from "../http/api.ts";
import type { Authentication, Authenticator, Principal } from "../http/auth/authenticate.ts";
import { AuthorizationCodeFlow, SignInFault } from "../http/auth/authorization-code.ts";
import { Refusal } from "../http/auth/refusals.ts";
import { ATTEMPT_SECONDS, type Attempt, type Sessions, STAFF } from "../http/auth/session.ts";
import type { SignIn } from "../http/auth/settings.ts";
import { FORM_TOKEN, textOf } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import { Problem } from "../http/problem.ts";
import type { AnyReply } from "../http/reply.ts";
import * as contract from "./contract.ts";
import { type SignInFaults, SignInPage, type Ways } from "./sign-in.tsx";
import { type Staff, seeOther } from "./staff.ts";
import { targetOf } from "./target.ts";

export interface SignInOptions {
  authentication: Authentication["mode"];
  authenticator: Authenticator;
  /** Undefined where nobody can sign in at a provider. */
  signIn: SignIn | undefined;
  /** Undefined where nobody can sign in. */
  sessions: Sessions | undefined;
}

const COOKIES = "Your browser did not send the cookie of this page. Allow cookies, then try again.";
const UNREACHABLE = "The identity provider does not answer as it should. Try again in a moment.";

/** Shows the page, with what was wrong with the last attempt. */
type Show = (url: URL, attempt: Attempt, faults?: SignInFaults) => Promise<AnyReply>;

export function signInRoutes(api: Api, staff: Staff, options: SignInOptions): void {
  const { sessions, signIn } = options;
  const ways = waysOf(options);
  const show: Show = async (url, attempt, faults) => {
    const desk = await staff.deskOfAttempt(url, attempt.id);
    const headers = sessions ? { "Set-Cookie": attemptCookie(sessions, attempt, url) } : {};
    return staff.write(desk, { title: "Sign in", status: faults ? 422 : 200, headers }, () =>
      SignInPage({ desk, ways, to: attempt.to, faults: faults ?? {} }),
    );
  };

  api.page(contract.showSignIn, async ({ query: { to }, url }, { headers }) => {
    const target = targetOf(to);
    if (sessions?.find(headers)) return seeOther(target);
    return show(url, newAttempt(sessions?.findAttempt(headers), target));
  });

  if (!sessions) return;
  signInWithToken(api, { ...options, sessions }, show);
  if (signIn) signInAtProvider(api, staff, { ...options, sessions, signIn }, show);
  api.page(contract.signOut, async ({ url }) =>
    seeOther(contract.showSignIn.path, { "Set-Cookie": sessions.ended(url) }),
  );
}

function waysOf({ sessions, authentication, signIn }: SignInOptions): Ways {
  const isPossible = sessions !== undefined;
  return {
    isOpen: isPossible && authentication === "open",
    token:
      isPossible && (authentication === "hs256" || authentication === "jwks") ? authentication : undefined,
    provider: isPossible && signIn ? new URL(signIn.issuer).host : undefined,
  };
}

function signInWithToken(
  api: Api,
  { authenticator, sessions }: SignInOptions & { sessions: Sessions },
  show: Show,
): void {
  api.page(contract.signIn, async ({ form, url }, { headers, lookup }) => {
    const attempt = sessions.findAttempt(headers);
    const fresh = newAttempt(attempt);
    if (!attempt || !sessions.isFormToken(attempt.id, textOf(form, FORM_TOKEN)))
      return show(url, fresh, { attempt: COOKIES });
    // People copy the whole header, too.
    const token = textOf(form, "token")
      .trim()
      .replace(/^Bearer +/i, "");
    try {
      const principal = await authenticator.verify(token, lookup);
      // A session does not outlast the token that it was started with.
      return admitted(sessions, principal, url, attempt.to, principal.expires);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return show(url, fresh, { token: token ? error.message : "Paste your token here." });
    }
  });
}

function signInAtProvider(
  api: Api,
  staff: Staff,
  { authenticator, sessions, signIn }: SignInOptions & { sessions: Sessions; signIn: SignIn },
  show: Show,
): void {
  const flow = new AuthorizationCodeFlow(signIn, authenticator);
  /** Shows on the page what is wrong with the provider, and logs the details. */
  const explained = async (error: unknown, url: URL, attempt: Attempt, { warn }: HandlerContext) => {
    const isTold = error instanceof SignInFault || error instanceof Refusal;
    if (error instanceof Problem && !isTold) throw error;
    warn(isTold ? (error.cause ?? error) : error);
    return show(url, attempt, { attempt: isTold ? error.message : UNREACHABLE });
  };

  api.page(contract.goToProvider, async ({ query: { to }, url }, context) => {
    const attempt = newAttempt(sessions.findAttempt(context.headers), targetOf(to));
    try {
      const { address, checks } = await flow.begin(redirectUri(staff, url));
      return seeOther(address, { "Set-Cookie": attemptCookie(sessions, { ...attempt, checks }, url) });
    } catch (error) {
      return explained(error, url, attempt, context);
    }
  });

  api.page(contract.returnFromProvider, async ({ url }, context) => {
    // A response counts once, so the next attempt has no checks.
    const { checks, ...next } = newAttempt(sessions.findAttempt(context.headers));
    if (!checks && sessions.find(context.headers)) return seeOther(STAFF);
    if (!checks) return show(url, next, { attempt: COOKIES });
    try {
      const principal = await flow.finish(url.searchParams, redirectUri(staff, url), checks, context.lookup);
      return admitted(sessions, principal, url, next.to);
    } catch (error) {
      return explained(error, url, next, context);
    }
  });
}

/** Goes on with an attempt: the form of another tab stays valid, and so do the checks of one that is at the provider. */
const newAttempt = (before?: Attempt, to = before?.to ?? STAFF): Attempt => ({
  id: crypto.randomUUID(),
  ...before,
  to,
  end: Math.floor(Date.now() / 1000) + ATTEMPT_SECONDS,
});

/** What browsers keep at least (RFC 6265, 6.1). They drop longer ones without a word. */
const MAX_COOKIE = 4096;

/** The cookie of an attempt. It leads back to the start if it has no room for the address that was asked for. */
function attemptCookie(sessions: Sessions, attempt: Attempt, url: URL): string {
  const cookie = sessions.attemptCookie(attempt, url);
  return cookie.length > MAX_COOKIE ? sessions.attemptCookie({ ...attempt, to: STAFF }, url) : cookie;
}

/** @throws Refusal without a role: every page would refuse */
function admitted(sessions: Sessions, principal: Principal, url: URL, to: string, ends?: number): AnyReply {
  if (principal.roles.length === 0)
    throw new Refusal("forbidden", `You have no role at this shop. ${principal.lack ?? ""}`.trim());
  const cookie = sessions.cookie(sessions.start(principal, ends), url);
  if (cookie.length > MAX_COOKIE)
    throw new Refusal("forbidden", "Your name (sub) is too long for a session.");
  return seeOther(to, { "Set-Cookie": cookie });
}

/** Where the provider sends browsers back to. It has to be the address that is registered there. */
function redirectUri(staff: Staff, url: URL): string {
  const base = staff.base(url);
  if (!base) throw new Problem("service_unavailable", "To sign in, the server needs its PUBLIC_URL.");
  return base + contract.returnFromProvider.path;
}
