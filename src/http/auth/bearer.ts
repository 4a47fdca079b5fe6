import { Refusal } from "./refusals.ts";

const FORM = "Authorization: Bearer <token>";

/** Frequent mistakes in the header, and what to say about them. The first that fits counts. */
const MISTAKES: [RegExp, string][] = [
  [/^bearer\s+bearer\b/i, `The Authorization header says Bearer twice. Send it once: ${FORM}.`],
  [/^bearer$/i, `The Authorization header has no token after Bearer: ${FORM}.`],
  [/^(?:bearer\s+)?["'`<]/i, `The token is in quotes or brackets. Send it without them: ${FORM}.`],
  [/,/, `The request has more than one token. Send one: ${FORM}.`],
  [
    /^bearer\s+\S+\s|\\[rnt]|%0[ad]|%20/i,
    `The token contains spaces or line breaks. Send it in one piece: ${FORM}.`,
  ],
  [/^[\w-]+\.[\w-]+\.[\w-]*$/, `The Authorization header has a token, but not its scheme: ${FORM}.`],
  [/^bearer\b/i, `The Authorization header contains characters that no token has: ${FORM}.`],
];

/** The token in the header `Authorization`. @throws Refusal */
export function bearerToken(headers: Headers): string {
  const header = headers.get("Authorization")?.trim() ?? "";
  const [, token] = header.match(/^Bearer +([\w.~+/-]+=*)$/i) ?? [];
  if (token && !/^bearer$/i.test(token)) return token;
  const [, mistake] = MISTAKES.find(([form]) => form.test(header)) ?? [];
  if (mistake) throw new Refusal("unauthorized", mistake, { error: "invalid_token" });
  throw new Refusal("unauthorized", `This request requires a token: ${FORM}.`);
}
