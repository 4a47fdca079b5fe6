/** Who may do what: the keys of the identity provider, and whether its clock agrees. */
import { accessNotices, type Config } from "../../src/config.ts";
import { type Authentication, CLOCK_TOLERANCE } from "../../src/http/auth/authenticate.ts";
import { providerFaultOf } from "../../src/http/auth/check.ts";
import { FETCH_MS, fetchKeySet } from "../../src/http/auth/provider.ts";
import { count, type Finding, fault, ok, skipped, warning } from "./finding.ts";

const ALLOW = "Set AUTH_ALGORITHMS to the algorithms with which the provider signs, or unset it.";
const SET_CLOCK = "Let NTP set the clock of this machine: timedatectl set-ntp true";

/** The beginnings of what the server says when it starts, the name of the finding, and what mends it. */
const REMEDIES = [
  ["Neither", "access", "Set AUTH_SECRET, or AUTH_ISSUER and AUTH_AUDIENCE."],
  ["AUTH_AUDIENCE", "audience", "Set AUTH_AUDIENCE to the audience of your tokens."],
  ["SESSION_KEY", "sessions", "Set SESSION_KEY to the output of openssl rand -hex 32."],
  ["AUTH_CLIENT_ID", "sign-in", "Set PUBLIC_URL to the address of the shop."],
] as const;

export async function examineAuthentication(config?: Config): Promise<Finding[]> {
  if (!config) {
    return [skipped("access", "Authentication was not examined, because the environment has faults.")];
  }
  const { authentication } = config;
  const sentences = accessNotices(config);
  const notices = REMEDIES.flatMap(([beginning, name, remedy]) =>
    sentences
      .filter((sentence) => sentence.startsWith(beginning))
      .map((sentence) => warning(name, sentence, remedy)),
  );
  if (authentication.mode === "jwks") return [...notices, ...(await examineProvider(authentication))];
  if (authentication.mode === "closed") return notices;
  return [ok("access", "A shared secret verifies tokens (HS256)."), ...notices];
}

type Provider = Extract<Authentication, { mode: "jwks" }>;

async function examineProvider(provider: Provider): Promise<Finding[]> {
  const { issuer, url } = provider;
  const document = url ?? `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  try {
    const { isUsable, warnings } = await fetchKeySet(provider, AbortSignal.timeout(FETCH_MS));
    const finding = isUsable ? warning : fault;
    const keys = warnings.map(({ message }) => finding("keys", message, ALLOW));
    const good = keys.length === 0 ? [ok("keys", `${new URL(document).host} publishes its keys.`)] : keys;
    return [...good, ...(await examineClock(document))];
  } catch (error) {
    return [fault("issuer", providerFaultOf(error), `Look at what this machine gets: curl -si ${document}`)];
  }
}

/** Compares the `Date` of a response with the middle of its exchange. */
async function examineClock(url: string): Promise<Finding[]> {
  const sent = Date.now();
  const signal = AbortSignal.timeout(FETCH_MS);
  const response = await fetch(url, { redirect: "manual", signal }).catch(() => undefined);
  await response?.body?.cancel();
  const date = Date.parse(response?.headers.get("Date") ?? "");
  if (Number.isNaN(date)) return [skipped("clock", "The identity provider does not tell its time.")];
  // The header has whole seconds.
  const skew = (sent + Date.now()) / 2 - (date + 500);
  return [clockFinding("clock", "the identity provider", skew / 1000)];
}

/** @param skew seconds that this machine is ahead */
export function clockFinding(check: string, other: string, skew: number): Finding {
  const seconds = Math.round(Math.abs(skew));
  if (seconds <= CLOCK_TOLERANCE) return ok(check, `The clocks of this machine and of ${other} agree.`);
  const direction = skew > 0 ? "ahead of" : "behind";
  const sentence = `The clock of this machine is ${count(seconds, "second")} ${direction} that of ${other}.`;
  return fault(check, `${sentence} Tokens are rejected beyond ${CLOCK_TOLERANCE}.`, SET_CLOCK);
}
