import { Refusal } from "./refusals.ts";

/** Frequent mistakes in the header, and what to say about them. The first that fits counts. */
const MISTAKES: [RegExp, string][] = [
  [/^bearer\s+bearer\b/i, "The Authorization header says Bearer twice."],
  [/^bearer$/i, "The Authorization header has no token after Bearer."],
  [/^(?:bearer\s+)?["'`<]/i, "The token is in quotes or brackets."],
  [/,/, "The request has more than one token."],
  [/^bearer\s+\S+\s|\\[rnt]|%0[ad]|%20/i, "The token contains spaces or line breaks."],
  [/^[\w-]+\.[\w-]+\.[\w-]*$/, "The Authorization header has a token, but not its scheme."],
  [/^bearer\b/i, "The Authorization header contains characters that no token has."],
];

/** The token in the header `Authorization`. @throws Refusal */
export function bearerToken(headers: Headers): string {
  const header = headers.get("Authorization")?.trim() ?? "";
  const [, token] = header.match(/^Bearer +([\w.~+/-]+=*)$/i) ?? [];
  if (token && !/^bearer$/i.test(token)) return token;
  const [, mistake] = MISTAKES.find(([form]) => form.test(header)) ?? [];
  const form = "Authorization: Bearer <token>.";
  if (!mistake) {
    const reason = "This request requires a token";
    throw new Refusal("unauthorized", `${reason}: ${form}`, { reason: `${reason}.` });
  }
  throw new Refusal("unauthorized", `${mistake} The form is ${form}`, {
    error: "invalid_token",
    reason: mistake,
  });
}
