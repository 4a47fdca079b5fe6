/** Why a token is rejected: told in the problem, in WWW-Authenticate (RFC 6750) and in the log. */
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { createKey, type Key, signWith, startProvider } from "../support/provider.ts";
import { SECRET } from "../support/token.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const AUTH_AUDIENCE = "octavo";
const AUTH_ROLES = '/realm "access"/rôles';

let worker: TestWorker;
let api: Client;
let issuer: string;
let key: Key;
let foreign: Key;

beforeAll(async () => {
  const [database, provider] = await Promise.all([createTestDatabase(), startProvider()]);
  [key, foreign] = await Promise.all([createKey("ES256", "own"), createKey("ES256", "foreign")]);
  provider.publish(key.jwk);
  ({ issuer } = provider);
  worker = await startWorker(database, { AUTH_ISSUER: issuer, AUTH_AUDIENCE, AUTH_ROLES });
  api = await createClient(worker.url);
});

const now = () => Math.floor(Date.now() / 1000);
const claims = (changes: Record<string, unknown> = {}) => ({
  ...{ sub: "tester", iss: issuer, aud: AUTH_AUDIENCE, exp: now() + 600 },
  ...{ 'realm "access"': { rôles: ["clerk"] } },
  ...changes,
});
const sign = (changes?: Record<string, unknown>, by = key) => signWith(by, claims(changes));

/** The answer to a request with this header, and the log's event of it. */
async function send(authorization: string, path = "/api/v1/tasks") {
  const { status, headers, json } = await api("GET", path, { headers: { Authorization: authorization } });
  const logged = () => worker.logs().find((line) => line.includes(json.request_id)) ?? "";
  if (status !== 200) await expect.poll(logged).not.toBe("");
  const challenge = headers.get("WWW-Authenticate");
  return {
    status,
    challenge,
    message: json.message,
    refusal: status === 200 ? "" : JSON.parse(logged()).refusal,
  };
}

const invalidToken = (description: string) =>
  `Bearer realm="octavo", error="invalid_token", error_description="${description}"`;

test.each<[string, () => Promise<string>, string]>([
  ["has expired", () => sign({ exp: now() - 60 }), "The token has expired."],
  ["is not valid yet", () => sign({ nbf: now() + 60 }), "The token is not valid yet (nbf)."],
  ["has no expiry", () => sign({ exp: undefined }), "The token has no time of expiry (exp)."],
  ["has no subject", () => sign({ sub: undefined }), "The token has no subject (sub)."],
  ["has an empty subject", () => sign({ sub: "" }), "The token's subject (sub) is not a text, or is empty."],
  ["has a text as its time", () => sign({ exp: "tomorrow" }), "The token's exp is not a number of seconds."],
  [
    "is signed with another key",
    async () => `${(await sign()).slice(0, -86)}${(await sign({}, foreign)).slice(-86)}`,
    "The token's signature does not match: another key has signed it.",
  ],
  [
    "names an unknown key",
    () => sign({}, foreign),
    "No key of the identity provider fits the token's key id (kid) and algorithm (alg).",
  ],
  [
    "is signed with a secret",
    () => new SignJWT(claims()).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(SECRET)),
    "The token's algorithm (alg) is not one that this server accepts: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA.",
  ],
  ["is no JWT", async () => "undefined", "The token is not a valid JSON Web Token with a signature."],
])("a token that %s is told so", async (_, token, sentence) => {
  const outcome = await send(`Bearer ${await token()}`);
  expect(outcome).toEqual({
    status: 401,
    challenge: invalidToken(sentence),
    message: sentence,
    refusal: sentence,
  });
});

test.each<[string, () => Promise<string>, string, RegExp]>([
  [
    "another issuer",
    () => sign({ iss: 'https://evil.example/"\n' }),
    "The token's issuer (iss) is not the one that this server accepts.",
    /names "https:\/\/evil\.example\/\\"\\n", and AUTH_ISSUER is "http:/,
  ],
  [
    "another issuer and key",
    () => sign({ iss: "https://evil.example" }, foreign),
    "The token's issuer (iss) is not the one that this server accepts.",
    /names "https:\/\/evil\.example", and/,
  ],
  [
    "an issuer with a slash",
    () => sign({ iss: `${issuer}/` }),
    "The token's issuer (iss) differs from the one that this server accepts by a slash at the end.",
    /\/", and AUTH_ISSUER is "http:/,
  ],
  [
    "a long issuer",
    () => sign({ iss: "x".repeat(1000) }),
    "The token's issuer (iss) is not the one that this server accepts.",
    /names "x{199}…, and AUTH_ISSUER/,
  ],
  [
    "no issuer",
    () => sign({ iss: undefined }),
    "The token's issuer (iss) is not the one that this server accepts.",
    /names nothing, and/,
  ],
  [
    "another audience",
    () => sign({ aud: ["a", "b"], client_id: AUTH_AUDIENCE }),
    "The token's audience (aud, or without it client_id or azp) is not this server.",
    /names \["a","b"\], and AUTH_AUDIENCE is "octavo"\.$/,
  ],
  [
    "an empty audience",
    () => sign({ aud: [], azp: AUTH_AUDIENCE }),
    "The token has no audience (aud, client_id or azp), and this server requires one.",
    /names \[\]/,
  ],
  [
    "no audience",
    () => sign({ aud: undefined }),
    "The token has no audience (aud, client_id or azp), and this server requires one.",
    /AUTH_AUDIENCE/,
  ],
])("a token with %s is told so, and the log shows what differs", async (_, token, sentence, reason) => {
  const outcome = await send(`Bearer ${await token()}`);
  expect(outcome).toMatchObject({ status: 401, challenge: invalidToken(sentence), message: sentence });
  expect(outcome.refusal).toMatch(reason);
  expect(outcome.message + outcome.challenge).not.toMatch(/evil|127\.0\.0\.1|octavo" is/);
});

test.each([[{ azp: "other", client_id: AUTH_AUDIENCE }], [{ azp: AUTH_AUDIENCE }]])(
  "a token without aud has its audience in %j",
  async (changes) => {
    expect((await send(`Bearer ${await sign({ aud: undefined, ...changes })}`)).status).toBe(200);
  },
);

test.each<[string, unknown, string]>([
  ["no claim with roles", undefined, 'The token has no claim at /realm "access"/rôles.'],
  [
    "roles in an object",
    { rôles: { clerk: true } },
    'The token\'s claim at /realm "access"/rôles is not a list of texts or a text.',
  ],
  [
    "unknown roles",
    { rôles: ["owner"] },
    'The token\'s claim at /realm "access"/rôles gives no role on this server.',
  ],
])("a token with %s is told so", async (_, access, lack) => {
  const message = `This request requires the role clerk. ${lack}`;
  expect(await send(`Bearer ${await sign({ 'realm "access"': access })}`)).toEqual({
    status: 403,
    challenge: `Bearer realm="octavo", error="insufficient_scope", error_description="${message.replaceAll(/["ô]/g, "?")}"`,
    message,
    refusal: message,
  });
});

describe("a header that is wrong", () => {
  test.each<[string, (token: string) => string, RegExp | undefined]>([
    ["Bearer twice", (token) => `Bearer Bearer ${token}`, /says Bearer twice/],
    ["Bearer twice and no token", () => "Bearer bearer", /says Bearer twice/],
    ["no token", () => "Bearer", /has no token after Bearer/],
    ["double quotes", (token) => `Bearer "${token}"`, /in quotes/],
    ["single quotes", (token) => `Bearer '${token}'`, /in quotes/],
    ["quotes around all", (token) => `"Bearer ${token}"`, /in quotes/],
    ["a placeholder", () => "Bearer <token>", /in quotes or brackets/],
    ["a line break as a space", (token) => `Bearer ${token.slice(0, 40)} ${token.slice(40)}`, /line breaks/],
    ["a line break as an escape", (token) => `Bearer ${token}\\n`, /line breaks/],
    ["a line break as a percent code", (token) => `Bearer ${token}%0A`, /line breaks/],
    ["no scheme", (token) => token, /not its scheme/],
    ["two tokens", (token) => `Bearer ${token}, Bearer ${token}`, /more than one token/],
    ["a wrong character", (token) => `Bearer ${token}$`, /characters that no token has/],
    ["another scheme", () => "Basic b2N0YXZvOng=", undefined],
    ["nothing", () => "", undefined],
  ])("a header with %s is told so", async (_, header, sentence) => {
    const { status, message, challenge, refusal } = await send(header(await sign()));
    expect(status).toBe(401);
    expect(refusal).toMatch(sentence ?? /^This request requires a token\.$/);
    expect(message).toMatch(sentence ?? /^This request requires a token:/);
    expect(message).toContain("Authorization: Bearer <token>.");
    expect(challenge).toBe(sentence ? invalidToken(message) : 'Bearer realm="octavo"');
  });
});
