/** Sessions of staff: who has one, for how long, and which forms belong to it. */
import { beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { type Session, Sessions } from "../../src/http/auth/session.ts";
import { CookieJar, hiddenField } from "../support/cookies.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer, type Variables } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const SESSION_KEY = "a key of sessions of the tests, 32 bytes long";
const COOKIE = "octavo_staff";
const VARIABLES = { AUTH_SECRET: SECRET, SESSION_KEY };

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

/** The sessions of a server with these variables. */
async function sessionsOf(variables: Variables = VARIABLES) {
  const config = await parseConfig({ DATABASE_URL: database.url, ...variables });
  return new Sessions(new TextEncoder().encode(variables.SESSION_KEY), config.authentication);
}

/** The filters of a list, as long as they may be: in an address each letter takes nine characters. */
const TOO_LONG = { search: "三".repeat(200), author: "三".repeat(200) };

const now = () => Math.floor(Date.now() / 1000);

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;
  let sessions: Sessions;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, VARIABLES));
    sessions = await sessionsOf();
  });

  const principal = {
    ...{ verified: true, issuer: undefined, subject: "ada", actor: "ada" },
    ...{ roles: ["clerk"] as const, lack: undefined, expires: undefined },
  };
  const cookieOf = (changes: Partial<Session> = {}, by = sessions): string => {
    const line = by.cookie({ ...sessions.start(principal), ...changes }, new URL(url));
    return line.match(/=([^;]*)/)?.[1] ?? "";
  };
  const open = (cookie: string, path = "/staff") =>
    fetch(url + path, { headers: { Cookie: `${COOKIE}=${cookie}` }, redirect: "manual" });
  const isSignedIn = async (cookie: string) =>
    !(await open(cookie)).headers.get("Location")?.startsWith("/staff/sign-in");

  async function signIn(role: "clerk" | "editor" | "admin" = "clerk", to = "") {
    const jar = new CookieJar();
    const page = await (await jar.fetch(`${url}/staff/sign-in?${new URLSearchParams({ to })}`)).text();
    const fields = { form_token: hiddenField(page, "form_token"), token: await tokenFor(role, "ada") };
    return { jar, response: await jar.post(`${url}/staff/sign-in`, fields) };
  }

  test("a token signs its subject in, and the cookie says nothing of the token", async () => {
    const { jar, response } = await signIn("clerk", "/staff/tasks?completed=false");
    expect([response.status, response.headers.get("Location")]).toEqual([
      303,
      "/staff/tasks?completed=false",
    ]);
    const line = response.headers.get("Set-Cookie") ?? "";
    expect(line).toMatch(/; Max-Age=\d+; Path=\/staff; HttpOnly; SameSite=Lax$/);
    const content = Buffer.from(jar.of(url).get(COOKIE) ?? "", "base64url").toString("latin1");
    expect(content).toContain('"subject":"ada"');
    expect(content).not.toContain((await tokenFor("clerk", "ada")).split(".")[2]);
    expect(await isSignedIn(jar.of(url).get(COOKIE) ?? "")).toBe(true);
  });

  test("a session that starts with a token does not outlast it", async () => {
    const { jar } = await signIn();
    const text = Buffer.from(jar.of(url).get(COOKIE) ?? "", "base64url").toString("latin1");
    const [, end] = text.match(/"end":(\d+)/) ?? [];
    expect(Number(end) - now()).toBeGreaterThan(3500);
    expect(Number(end) - now()).toBeLessThanOrEqual(3600);
  });

  test("without a session, a page leads to the sign-in and back", async () => {
    const response = await open("", "/staff?of=here");
    expect([response.status, response.headers.get("Location")]).toEqual([
      303,
      "/staff/sign-in?to=%2Fstaff%3Fof%3Dhere",
    ]);
    const { response: signedIn } = await signIn("clerk", "/staff?of=here");
    expect(signedIn.headers.get("Location")).toBe("/staff?of=here");
  });

  test.each([
    ...["https://evil.example", "//evil.example/staff", "/\\evil.example/staff", "\\\\evil.example"],
    ...["/staff/../", "/staff/..//evil.example", "/staffing", "javascript:alert(1)", "http:evil.example"],
    ...[
      "/staff/sign-in",
      "/staff/sign-out",
      "/api/v1/books",
      "/staff/%2e%2e/%2e%2e//evil.example",
      "\0",
      "[",
    ],
  ])("signing in leads on to %j as to the start: no link can lead elsewhere", async (to) => {
    const { response } = await signIn("clerk", to);
    expect([response.status, response.headers.get("Location")]).toEqual([303, "/staff"]);
  });

  test.each<[string, Record<string, string>, boolean]>([
    ["a long search", { search: "三".repeat(200) }, true],
    ["the start, instead of filters that no cookie can hold", TOO_LONG, false],
  ])("signing in leads on to %s", async (_, query, isKept) => {
    const to = `/staff/books?${new URLSearchParams(query)}`;
    const page = await fetch(`${url}/staff/sign-in?${new URLSearchParams({ to })}`);
    expect(page.headers.get("Set-Cookie")?.length).toBeLessThanOrEqual(4096);
    const { response } = await signIn("clerk", to);
    expect(response.headers.get("Location")).toBe(isKept ? to : "/staff");
  });

  test("a cookie that was changed in any character is none", async () => {
    const cookie = cookieOf();
    expect(await isSignedIn(cookie)).toBe(true);
    const changed = Array.from(cookie, (character, at) => {
      const other = character === "A" ? "B" : "A";
      return cookie.slice(0, at) + other + cookie.slice(at + 1);
    });
    // The last character has unused bits.
    const last = cookie.at(-1) ?? "";
    const others = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"];
    changed.push(...others.filter((other) => other !== last).map((other) => cookie.slice(0, -1) + other));
    changed.push(cookie.slice(1), cookie.slice(0, -1), `${cookie}A`, `${cookie}=`, cookie.toUpperCase());
    const sampled = runtime === "node" ? changed : changed.filter((_, at) => at % 10 === 0);
    const results = await Promise.all(sampled.map(isSignedIn));
    expect(results.filter(Boolean)).toEqual([]);
  });

  test.each<[string, () => Partial<Session>, boolean]>([
    ["that goes on", () => ({ seen: now() - 3500 }), true],
    ["that nobody used for an hour", () => ({ seen: now() - 3601 }), false],
    ["of twelve hours", () => ({ end: now() - 1 }), false],
  ])("a session %s: signed in %#", async (_, changes, expected) => {
    expect(await isSignedIn(cookieOf(changes()))).toBe(expected);
  });

  test("a session goes on while it is used, but not beyond its end", async () => {
    const end = now() + 1800;
    const response = await open(cookieOf({ seen: now() - 120, end }));
    const line = response.headers.get("Set-Cookie") ?? "";
    const [, value = "", age] = line.match(/^octavo_staff=([^;]+); Max-Age=(\d+);/) ?? [];
    expect(Number(age)).toBeLessThanOrEqual(1800);
    const text = Buffer.from(value, "base64url").toString("latin1");
    expect(Number(text.match(/"seen":(\d+)/)?.[1])).toBeGreaterThan(now() - 10);
    expect(text).toContain(`"end":${end}`);
    expect((await open(cookieOf())).headers.get("Set-Cookie")).toBeNull();
  });

  test.each<[string, Variables]>([
    ["another key", { ...VARIABLES, SESSION_KEY: SESSION_KEY.toUpperCase() }],
    ["another secret", { ...VARIABLES, AUTH_SECRET: SECRET.toUpperCase() }],
    ["another rule about roles", { ...VARIABLES, AUTH_ROLES: "/scope" }],
    ["a server that is open", { SESSION_KEY, OPEN_LOCAL_WRITES: "true" }],
  ])("a session of %s is none", async (_, variables) => {
    expect(await isSignedIn(cookieOf({}, await sessionsOf(variables)))).toBe(false);
  });

  test.each(["session", "attempt"])("a %s is not taken for the other kind", async (kind) => {
    const attempt = { id: "x", to: "/staff", end: now() + 100 };
    const line =
      kind === "attempt"
        ? sessions.attemptCookie(attempt, new URL(url))
        : sessions.cookie(sessions.start(principal), new URL(url));
    const headers = new Headers({ Cookie: line.split(";")[0] ?? "" });
    expect(sessions.find(headers) !== undefined).toBe(kind === "session");
    expect(sessions.findAttempt(headers) !== undefined).toBe(kind === "attempt");
  });

  test("signing out clears the cookie", async () => {
    const { jar } = await signIn();
    const session = sessions.find(new Headers({ Cookie: `${COOKIE}=${jar.of(url).get(COOKIE)}` }));
    const form_token = sessions.formToken(session?.id ?? "");
    const response = await jar.post(`${url}/staff/sign-out`, { form_token });
    expect([response.status, response.headers.get("Location")]).toEqual([303, "/staff/sign-in"]);
    expect(jar.of(url).has(COOKIE)).toBe(false);
    expect((await jar.post(`${url}/staff/sign-out`, { form_token })).status).toBe(401);
  });

  test("a form of another session, without a token, or from another site does nothing", async () => {
    const { jar } = await signIn();
    const session = sessions.find(new Headers({ Cookie: `${COOKIE}=${jar.of(url).get(COOKIE)}` }));
    const good = sessions.formToken(session?.id ?? "");
    const post = (form_token: string, headers: Record<string, string> = {}) =>
      jar.post(`${url}/staff/sign-out`, { form_token }, headers);
    for (const token of ["", "x", good.slice(1), sessions.formToken("another")])
      expect((await post(token)).status).toBe(403);
    for (const Origin of ["https://evil.example", "null", "http://127.0.0.1.evil.example", `${url}0`])
      expect([Origin, (await post(good, { Origin })).status]).toEqual([Origin, 403]);
    expect(jar.of(url).has(COOKIE)).toBe(true);
    expect((await post(good, { Origin: url })).status).toBe(303);
  });

  test.each<[string, (jar: CookieJar, form_token: string) => Promise<Response>, string]>([
    ["no token", (jar, form_token) => jar.post(`${url}/staff/sign-in`, { form_token, token: "" }), "Paste"],
    [
      "nonsense",
      (jar, form_token) => jar.post(`${url}/staff/sign-in`, { form_token, token: "x" }),
      "not a valid",
    ],
    [
      "a token without a role",
      async (jar, form_token) =>
        jar.post(`${url}/staff/sign-in`, { form_token, token: await tokenFor("boss" as "admin") }),
      "You have no role at this shop",
    ],
    [
      "a subject that no cookie can hold",
      async (jar, form_token) =>
        jar.post(`${url}/staff/sign-in`, { form_token, token: await tokenFor("clerk", "a".repeat(4000)) }),
      "too long",
    ],
  ])("signing in with %s says why at the field", async (_, send, words) => {
    const jar = new CookieJar();
    const page = await (await jar.fetch(`${url}/staff/sign-in`)).text();
    const response = await send(jar, hiddenField(page, "form_token"));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([422, "no-store"]);
    const html = await response.text();
    expect(html).toMatch(new RegExp(`id="token-fault" class="fault">[^<]*${words}`));
    expect(html).toContain('aria-describedby="token-hint token-fault"');
  });

  test.each<[string, (form_token: string) => Promise<Response>]>([
    [
      "without a cookie",
      (form_token) => new CookieJar().post(`${url}/staff/sign-in`, { form_token, token: "x" }),
    ],
    [
      "with the form of somebody else",
      async () => {
        const jar = new CookieJar();
        await jar.fetch(`${url}/staff/sign-in`);
        return jar.post(`${url}/staff/sign-in`, { form_token: sessions.formToken("x"), token: "x" });
      },
    ],
  ])("signing in %s blames the cookie, and not the token", async (_, send) => {
    const page = await (await new CookieJar().fetch(`${url}/staff/sign-in`)).text();
    const response = await send(hiddenField(page, "form_token"));
    const html = await response.text();
    expect([response.status, html.includes("aria-invalid")]).toEqual([422, false]);
    expect(html).toMatch(/role="alert" class="fault">[^<]*Allow cookies/);
  });

  test("the API and the shop's pages read no cookie, and send none", async () => {
    const headers = { Cookie: `${COOKIE}=${cookieOf()}` };
    for (const path of ["/api/v1/tasks", "/api/v1/stock/movements"])
      expect((await fetch(url + path, { headers })).status).toBe(401);
    for (const path of ["/", "/api/v1/books"])
      expect((await fetch(url + path, { headers })).headers.get("Set-Cookie")).toBeNull();
  });

  test.each([
    ["GET", "/staff"],
    ["GET", "/staff/sign-in"],
    ["GET", "/staff/sign-in/callback"],
    ["GET", "/staff/nothing"],
    ["PUT", "/staff/sign-in"],
    ["OPTIONS", "/staff/till"],
  ])("%s %s tells pages of other origins nothing", async (method, path) => {
    const { headers } = await fetch(url + path, {
      method,
      headers: { Cookie: `${COOKIE}=${cookieOf()}`, Origin: "https://evil.example" },
      redirect: "manual",
    });
    expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

test("cookies are Secure but on loopback", async () => {
  const sessions = await sessionsOf();
  expect(sessions.ended(new URL("https://shop.example/staff"))).toMatch(/; Secure; SameSite=Lax$/);
  expect(sessions.ended(new URL("http://127.0.0.1:8080/staff"))).not.toContain("Secure");
});

test("a server without a key of sessions lets nobody sign in, and says so", async () => {
  const { url } = await startServer("node", database, { AUTH_SECRET: undefined });
  const page = await fetch(`${url}/staff/sign-in`);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("Nobody can sign in here yet");
});
