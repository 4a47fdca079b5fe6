/** Signing in at a real OpenID provider: authorization code with PKCE, state and nonce. */
import { beforeAll, describe, expect, test } from "vitest";
import { CookieJar, hiddenField } from "../support/cookies.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import {
  AUDIENCE,
  CLIENT_ID,
  type OpenIdProvider,
  signInAtProvider,
  startOpenIdProvider,
} from "../support/oidc.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";

const COOKIE = "octavo_staff";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let provider: OpenIdProvider;
  let url: string;
  const callback = () => `${url}/staff/sign-in/callback`;
  const start = (settings: { claims?: object; accessClaims?: Record<string, unknown> } = {}) =>
    provider.start({ redirectUris: [callback()], claims: { roles: ["clerk"] }, ...settings } as never);

  beforeAll(async () => {
    provider = await startOpenIdProvider();
    ({ url } = await startServer(runtime, database, {
      AUTH_ISSUER: provider.issuer,
      AUTH_AUDIENCE: AUDIENCE,
      AUTH_CLIENT_ID: CLIENT_ID,
    }));
    start();
  });

  /** Goes to the provider, and returns the address there. */
  const begin = async (jar: CookieJar, to = "/staff/count") => {
    const response = await jar.fetch(`${url}/staff/sign-in/provider?${new URLSearchParams({ to })}`);
    expect(response.status, await response.clone().text()).toBe(303);
    return response.headers.get("Location") ?? "";
  };
  const signIn = async (jar: CookieJar, login = "ada", to?: string) =>
    jar.fetch(await signInAtProvider(jar, await begin(jar, to), login));
  const sessionIn = (jar: CookieJar) =>
    Buffer.from(jar.of(url).get(COOKIE) ?? "", "base64url").toString("latin1");
  const told = async (response: Response) => {
    const [, words] = (await response.text()).match(/role="alert" class="fault">([^<]+)</) ?? [];
    return [response.status, words];
  };

  test("the page offers the provider, and whoever signs in there returns to what they asked for", async () => {
    const page = await (await fetch(`${url}/staff/sign-in?to=/staff/count`)).text();
    expect(page).toContain('href="/staff/sign-in/provider?to=%2Fstaff%2Fcount"');
    const jar = new CookieJar();
    const response = await signIn(jar);
    expect(response.headers.get("Location")).toBe("/staff/count");
    expect(sessionIn(jar)).toContain('"subject":"ada"');
    expect(sessionIn(jar)).toContain('"roles":["clerk"]');
    expect((await jar.fetch(`${url}/staff`)).headers.get("Location")).toBe("/staff/till");
  });

  test("the request has state, nonce and a challenge of its own", async () => {
    const seen = new Set<string>();
    for (let time = 0; time < 3; time++) {
      const { searchParams } = new URL(await begin(new CookieJar()));
      expect(searchParams.get("code_challenge_method")).toBe("S256");
      expect(searchParams.get("redirect_uri")).toBe(callback());
      for (const name of ["state", "nonce", "code_challenge"]) seen.add(searchParams.get(name) ?? "");
    }
    expect(seen.size).toBe(9);
  });

  test("a response counts once, and only in the browser that asked", async () => {
    const jar = new CookieJar();
    const back = await signInAtProvider(jar, await begin(jar), "ada");
    expect(await told(await new CookieJar().fetch(back))).toEqual([422, expect.stringContaining("cookie")]);
    const other = new CookieJar();
    await begin(other);
    expect(await told(await other.fetch(back))).toEqual([422, expect.stringContaining("does not fit")]);
    expect((await jar.fetch(back)).status).toBe(303);
    const again = await jar.fetch(back);
    expect([again.status, again.headers.get("Location"), again.headers.getSetCookie()]).toEqual([
      303,
      "/staff",
      [],
    ]);
    expect(sessionIn(jar)).toContain('"subject":"ada"');
  });

  test("a sign-in at the provider goes on while another tab shows the page, and is refused a token there", async () => {
    const jar = new CookieJar();
    const back = await signInAtProvider(jar, await begin(jar), "ada");
    const page = await (await jar.fetch(`${url}/staff/sign-in`)).text();
    const fields = { form_token: hiddenField(page, "form_token"), token: "x" };
    expect((await jar.post(`${url}/staff/sign-in`, fields)).status).toBe(422);
    expect((await jar.fetch(back)).status).toBe(303);
    expect(sessionIn(jar)).toContain('"subject":"ada"');
  });

  test("the form of a tab stays valid while another goes to the provider, fails there, or is refused a token", async () => {
    const jar = new CookieJar();
    const page = await (await jar.fetch(`${url}/staff/sign-in`)).text();
    const fields = { form_token: hiddenField(page, "form_token"), token: "x" };
    const send = () => jar.post(`${url}/staff/sign-in`, fields);
    const denied = () => jar.fetch(`${callback()}?error=access_denied`);
    for (const before of [send, () => begin(jar), denied, () => begin(jar)]) {
      await before();
      const response = await send();
      expect([response.status, await response.text()]).toEqual([
        422,
        expect.not.stringContaining("Allow cookies"),
      ]);
    }
  });

  test("whoever asked for an address that no cookie can hold returns to the start", async () => {
    const jar = new CookieJar();
    const response = await signIn(jar, "ada", `/staff/books?search=${"a".repeat(4096)}`);
    expect([response.status, response.headers.get("Location")]).toEqual([303, "/staff"]);
  });

  test.each<[string, (back: URL) => void, string]>([
    ["another state", ({ searchParams }) => searchParams.set("state", "x"), "does not fit"],
    ["no state", ({ searchParams }) => searchParams.delete("state"), "does not fit"],
    ["another issuer", ({ searchParams }) => searchParams.set("iss", "https://evil.example"), "does not fit"],
    ["another code", ({ searchParams }) => searchParams.set("code", "x"), "did not accept"],
    ["no code", ({ searchParams }) => searchParams.delete("code"), "does not fit"],
  ])("a response with %s signs nobody in", async (_, change, words) => {
    const jar = new CookieJar();
    const back = new URL(await signInAtProvider(jar, await begin(jar), "ada"));
    change(back);
    expect(await told(await jar.fetch(back.href))).toEqual([422, expect.stringContaining(words)]);
    expect(sessionIn(jar)).not.toContain("subject");
  });

  test("someone whom the provider refuses reads so", async () => {
    const jar = new CookieJar();
    const { searchParams } = new URL(await begin(jar));
    const refusal = new URLSearchParams({
      error: "access_denied",
      state: searchParams.get("state") ?? "",
      iss: provider.issuer,
    });
    expect(await told(await jar.fetch(`${callback()}?${refusal}`))).toEqual([
      422,
      expect.stringContaining("did not let you in"),
    ]);
  });

  test("roles of an access token for the API count before those of the ID token", async () => {
    start({ claims: {}, accessClaims: { roles: ["editor"] } });
    const jar = new CookieJar();
    expect((await signIn(jar, "grace")).status).toBe(303);
    expect(sessionIn(jar)).toContain('"roles":["editor"]');
  });

  test("someone without a role reads where the server looked for it", async () => {
    start({ claims: { roles: ["guest"] } });
    expect(await told(await signIn(new CookieJar()))).toEqual([
      422,
      expect.stringMatching(/^You have no role at this shop. The token.*s claim at \/roles gives no role/),
    ]);
    start();
  });

  // The server fetches keys at most every ten seconds, so this takes as long, and one runtime has to do.
  test.runIf(runtime === "node")("a key that the provider has changed is fetched", async () => {
    await provider.rotate();
    start();
    await expect
      .poll(async () => (await signIn(new CookieJar())).status, { timeout: 20_000, interval: 500 })
      .toBe(303);
  });

  test.each<[string, string, (response: import("node:http").ServerResponse) => void]>([
    ["is away", "/.well-known", (response) => void response.socket?.destroy()],
    ["answers HTML", "/.well-known", (response) => void response.end("<!doctype html>")],
    ["is broken", "/.well-known", (response) => void response.writeHead(500).end()],
    ["redirects", "/.well-known", (response) => void response.writeHead(302, { Location: "/" }).end()],
    [
      "calls itself otherwise",
      "/.well-known",
      (response) =>
        void response
          .setHeader("Content-Type", "application/json")
          .end(JSON.stringify({ issuer: "https://evil.example" })),
    ],
    [
      "answers without end",
      "/.well-known",
      (response) => {
        response.setHeader("Content-Type", "application/json");
        response.write("[".repeat(300_000));
      },
    ],
  ])(
    "a provider that %s is told on the page, and a sign-in of another tab goes on",
    async (_, path, answer) => {
      const jar = new CookieJar();
      const back = await signInAtProvider(jar, await begin(jar), "ada");
      provider.intercept = (request, response) => {
        if (!request.url?.startsWith(path)) return false;
        answer(response);
        return true;
      };
      try {
        const response = await jar.fetch(`${url}/staff/sign-in/provider`);
        expect(await told(response)).toEqual([422, expect.stringContaining("does not answer as it should")]);
      } finally {
        provider.intercept = undefined;
      }
      expect((await jar.fetch(back)).status).toBe(303);
    },
  );
});

test("the provider can only send browsers to an address that is known", async () => {
  const provider = await startOpenIdProvider();
  const { url } = await startServer("node", database, {
    AUTH_ISSUER: provider.issuer,
    AUTH_AUDIENCE: AUDIENCE,
    AUTH_CLIENT_ID: CLIENT_ID,
    PUBLIC_URL: "https://shop.example",
  });
  provider.start({ redirectUris: ["https://shop.example/staff/sign-in/callback"], claims: {} });
  const response = await fetch(`${url}/staff/sign-in/provider`, { redirect: "manual" });
  const address = new URL(response.headers.get("Location") ?? "");
  expect(address.searchParams.get("redirect_uri")).toBe("https://shop.example/staff/sign-in/callback");
});
