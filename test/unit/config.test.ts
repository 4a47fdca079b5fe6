/** Parsing of the configuration: defaults, values, and the message about faults, which never quotes a value. */
import { describe, expect, test } from "vitest";
import { accessNotices, parseConfig } from "../../src/config.ts";
import { isLoopback } from "../../src/http/host.ts";
import { misspellings } from "../../src/misspellings.ts";
import { parseServerConfig, SERVER_VARIABLES } from "../../src/server-config.ts";

const DATABASE_URL = "postgres://octavo:hidden@127.0.0.1:5432/octavo";
const FAR = "postgres://octavo:hidden@db.example/octavo?sslmode=require";
const SECRET = "hidden".repeat(6);
const KEYS = "https://id.example/keys";

const messageOf = async (environment: Record<string, unknown>, parse = parseConfig): Promise<string> => {
  const error = await parse(environment).then(
    () => undefined,
    (error) => error,
  );
  expect(error?.name).toBe("ConfigError");
  expect(error.message).not.toContain("hidden");
  return error.message;
};

test("DATABASE_URL is the only required variable", async () => {
  expect(await parseConfig({ DATABASE_URL })).toEqual({
    databaseUrl: DATABASE_URL,
    readUrls: [],
    maxLag: 10,
    neonFetchEndpoint: undefined,
    cursorKey: expect.any(Uint8Array),
    sessionKey: expect.any(Uint8Array),
    authentication: { mode: "closed" },
    rateLimit: { requests: 600, seconds: 60 },
    edgeCacheSeconds: 0,
    deadline: 10_000,
    importMaxBytes: 1024 ** 3,
    corsOrigins: [],
    logLevel: "info",
    plainSubjects: false,
    shop: { currency: "USD", locale: "en-US", timeZone: "UTC" },
  });
});

test("every variable of a Worker is read", async () => {
  const environment = {
    DATABASE_URL: FAR,
    DATABASE_READ_URL: `${DATABASE_URL}, ${FAR}`,
    REPLICA_MAX_LAG: "3",
    NEON_FETCH_ENDPOINT: "https://db.example/sql",
    CURSOR_KEY: SECRET,
    SESSION_KEY: SECRET.repeat(2),
    AUTH_SECRET: SECRET.toUpperCase(),
    AUTH_ISSUER: "https://id.example",
    AUTH_AUDIENCE: "octavo",
    RATE_LIMIT: "100/10",
    EDGE_CACHE_SECONDS: "60",
    REQUEST_TIMEOUT_MS: "2500",
    IMPORT_MAX_BYTES: "1000000",
    LOG_LEVEL: "warn",
    LOG_SUBJECT: "plain",
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example/base/",
    OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%3Db%20c, other = d",
    OTEL_SERVICE_NAME: "shop",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
    CORS_ORIGINS: "https://shop.example, http://localhost:3000",
    PUBLIC_URL: "https://books.example/",
    SHOP_CURRENCY: "EUR",
    SHOP_LOCALE: "de-at",
    SHOP_TIME_ZONE: "Europe/Vienna",
    COVER_ORIGINS: "https://covers.example, https://other.example:8443",
  };
  const bytes = (text: string) => new TextEncoder().encode(text);
  expect(await parseConfig(environment)).toEqual({
    databaseUrl: FAR,
    readUrls: [DATABASE_URL, FAR],
    maxLag: 3,
    neonFetchEndpoint: "https://db.example/sql",
    cursorKey: bytes(SECRET),
    sessionKey: bytes(SECRET.repeat(2)),
    authentication: {
      mode: "hs256",
      secret: bytes(SECRET.toUpperCase()),
      issuer: "https://id.example",
      audience: "octavo",
    },
    rateLimit: { requests: 100, seconds: 10 },
    edgeCacheSeconds: 60,
    deadline: 2500,
    importMaxBytes: 1_000_000,
    logLevel: "warn",
    plainSubjects: true,
    tracing: {
      url: "https://otel.example/base/v1/traces",
      headers: { "api-key": "a=b c", other: "d" },
      serviceName: "shop",
      ratio: 0.25,
    },
    corsOrigins: ["https://shop.example", "http://localhost:3000"],
    publicUrl: "https://books.example",
    shop: {
      currency: "EUR",
      locale: "de-AT",
      timeZone: "Europe/Vienna",
      coverOrigins: ["https://covers.example", "https://other.example:8443"],
    },
  });
});

test("the keys of an identity provider can take the place of a secret", async () => {
  const environment = { AUTH_JWKS_URL: "https://id.example/keys?v=2", AUTH_ISSUER: "https://id.example" };
  const { authentication } = await parseConfig({ DATABASE_URL, ...environment, AUTH_AUDIENCE: "octavo" });
  expect(authentication).toEqual({
    mode: "jwks",
    url: "https://id.example/keys?v=2",
    issuer: "https://id.example",
    audience: "octavo",
  });
});

test.each([
  ...["0", "-1", "+2", "1.5", "1e2", "129", "1000", "02", "all", "AUTO", " 2"].map((value) => [
    "PROCESSES",
    value,
  ]),
  ...[
    "hidden",
    "redis",
    "MEMORY",
    "http://hidden.example",
    "redis://",
    "redis://:6379",
    "redis://hidden/x",
  ].map((value) => ["RATE_LIMIT_STORE", value]),
  ...[
    "redis:hidden",
    "redis://hidden:port",
    "redis://hidden/0?db=1",
    "redis://hidden#0",
    "redis://hidden /0",
  ].map((value) => ["RATE_LIMIT_STORE", value]),
])("%s=%s is a fault", async (name = "", value) => {
  expect(await messageOf({ DATABASE_URL, [name]: value }, parseServerConfig)).toMatch(
    new RegExp(`^The configuration is invalid: ${name} must be [^;]+\\.$`),
  );
});

test.each([
  [{}, { processes: 1, rateLimitStore: "memory" }],
  [
    { PROCESSES: "128", RATE_LIMIT_STORE: "postgres" },
    { processes: 128, rateLimitStore: "postgres" },
  ],
  [
    { PROCESSES: "auto", RATE_LIMIT_STORE: "redis://h" },
    { processes: "auto", rateLimitStore: "redis://h" },
  ],
  [
    { RATE_LIMIT_STORE: "rediss://u:p%2F@h.example:1/15" },
    { rateLimitStore: "rediss://u:p%2F@h.example:1/15" },
  ],
  [{ RATE_LIMIT_STORE: "redis://:p@[::1]:6379/" }, { rateLimitStore: "redis://:p@[::1]:6379/" }],
])("%j is a number of processes and a store of quotas", async (variables, config) => {
  expect(await parseServerConfig({ DATABASE_URL, ...variables })).toMatchObject(config);
});

test("people sign in with a client of the identity provider", async () => {
  const environment = {
    AUTH_ISSUER: "https://id.example",
    AUTH_AUDIENCE: "octavo",
    AUTH_CLIENT_ID: "counter",
  };
  const { signIn } = await parseConfig({ DATABASE_URL, ...environment });
  expect(signIn).toEqual({ issuer: "https://id.example", clientId: "counter", scopes: "openid" });
  const other = await parseConfig({ DATABASE_URL, ...environment, AUTH_SCOPES: "openid roles" });
  expect(other.signIn).toMatchObject({ scopes: "openid roles" });
});

test("the key of sessions is derived for a database on loopback, and undefined for others", async () => {
  const local = await parseConfig({ DATABASE_URL });
  expect(local.sessionKey).toHaveLength(32);
  expect(local.sessionKey).not.toEqual(local.cursorKey);
  expect(await parseConfig({ DATABASE_URL: FAR, CURSOR_KEY: SECRET })).toMatchObject({
    sessionKey: undefined,
  });
});

test("an issuer and an audience are enough, because discovery finds the keys", async () => {
  const environment = {
    AUTH_ISSUER: "https://id.example/realms/shop",
    AUTH_AUDIENCE: "octavo",
    AUTH_ALGORITHMS: "PS256, ES384",
    AUTH_ROLES: "/https:~1~1shop.example~1roles",
    AUTH_ROLE_MAP: 'shop-staff=clerk, "Shop Editors"=editor  CN=boss=admin,\nboss=clerk',
  };
  const { authentication } = await parseConfig({ DATABASE_URL, ...environment });
  expect(authentication).toEqual({
    mode: "jwks",
    issuer: "https://id.example/realms/shop",
    audience: "octavo",
    algorithms: ["PS256", "ES384"],
    rolesAt: "/https:~1~1shop.example~1roles",
    roleMap: [
      ["shop-staff", "clerk"],
      ["Shop Editors", "editor"],
      ["CN=boss", "admin"],
      ["boss", "clerk"],
    ],
  });
});

test.each([
  ...["hidden", "http://hidden.example", "ftp://hidden.example", "https://hidden@id.example"],
  ...["https://id.example/?hidden", "https://id.example/#hidden", "//id.example/hidden"],
])("the issuer %s is a fault if its keys are to be discovered, but not beside other keys", async (issuer) => {
  const message = await messageOf({ DATABASE_URL, AUTH_ISSUER: issuer, AUTH_AUDIENCE: "octavo" });
  expect(message).toContain("AUTH_ISSUER must be the URL of an identity provider");
  for (const way of [{ AUTH_SECRET: SECRET }, { AUTH_JWKS_URL: KEYS }]) {
    const { authentication } = await parseConfig({ DATABASE_URL, AUTH_ISSUER: issuer, ...way });
    expect(authentication).toMatchObject({ issuer });
  }
});

describe("what the operator is told about access", () => {
  const PROVIDER = { AUTH_ISSUER: "https://id.example" };
  const REMOTE = { DATABASE_URL: FAR, CURSOR_KEY: SECRET };
  const CLIENT = { ...PROVIDER, AUTH_AUDIENCE: "octavo", AUTH_CLIENT_ID: "counter" };
  test.each<[string, Record<string, string>, RegExp | undefined]>([
    ["nothing", {}, /every request that needs a role is rejected/],
    ["open writes", { OPEN_LOCAL_WRITES: "true" }, undefined],
    ["a secret", { AUTH_SECRET: SECRET }, undefined],
    ["a secret for any audience", { AUTH_SECRET: SECRET, AUTH_AUDIENCE: "any" }, /AUTH_AUDIENCE is any/],
    ["a provider for an audience", { ...PROVIDER, AUTH_AUDIENCE: "octavo" }, undefined],
    ["a provider for any audience", { ...PROVIDER, AUTH_AUDIENCE: "any" }, /AUTH_AUDIENCE is any/],
    ["keys for no audience", { ...PROVIDER, AUTH_JWKS_URL: KEYS }, /AUTH_AUDIENCE is not set/],
    ["no key of sessions", { ...REMOTE, AUTH_SECRET: SECRET }, /nobody can sign in at \/staff/],
    [
      "a client and no address",
      { ...REMOTE, ...CLIENT, SESSION_KEY: SECRET },
      /PUBLIC_URL is not: nobody can sign in/,
    ],
    [
      "a client and an address",
      { ...REMOTE, ...CLIENT, SESSION_KEY: SECRET, PUBLIC_URL: "https://shop.example" },
      undefined,
    ],
  ])("with %s configured", async (_, environment, notice) => {
    const notices = accessNotices(await parseConfig({ DATABASE_URL, ...environment }));
    expect(notices).toEqual(notice ? [expect.stringMatching(notice)] : []);
  });
});

test.each(["http://localhost:9000/keys", "http://127.0.0.1/keys", "http://[::1]:9000/keys"])(
  "keys may come from %s, which is loopback",
  async (url) => {
    const environment = { AUTH_JWKS_URL: url, AUTH_ISSUER: "https://id.example" };
    expect((await parseConfig({ DATABASE_URL, ...environment })).authentication).toMatchObject({ url });
  },
);

test("OPEN_LOCAL_WRITES opens writes", async () => {
  const { authentication } = await parseConfig({ DATABASE_URL, OPEN_LOCAL_WRITES: "true" });
  expect(authentication).toEqual({ mode: "open" });
});

test("empty variables count as absent, and bindings that are not strings are ignored", async () => {
  const bare = await parseConfig({ DATABASE_URL });
  const empty = {
    CURSOR_KEY: "",
    SESSION_KEY: "",
    AUTH_CLIENT_ID: "",
    AUTH_SCOPES: "",
    AUTH_SECRET: "",
    AUTH_JWKS_URL: "",
    AUTH_ISSUER: "",
    RATE_LIMIT: "",
    REQUEST_TIMEOUT_MS: "",
    CORS_ORIGINS: "",
    PUBLIC_URL: "",
    SHOP_CURRENCY: "",
    SHOP_LOCALE: "",
    SHOP_TIME_ZONE: "",
    COVER_ORIGINS: "",
  };
  const bindings = { AUTH_AUDIENCE: { fetch() {} }, ASSETS: 5 };
  expect(await parseConfig({ DATABASE_URL, OPEN_LOCAL_WRITES: "", ...empty, ...bindings })).toEqual(bare);
});

describe("CURSOR_KEY", () => {
  const keyOf = async (environment: Record<string, string>) => (await parseConfig(environment)).cursorKey;

  test.each(["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])(
    "CURSOR_KEY is derived for a database on %s",
    async (host) => {
      const url = DATABASE_URL.replace("127.0.0.1", host);
      const key = await keyOf({ DATABASE_URL: url });
      expect(key.length).toBeGreaterThanOrEqual(32);
      expect(key).toEqual(await keyOf({ DATABASE_URL: url }));
      expect(key).not.toEqual(await keyOf({ DATABASE_URL: url.replace("hidden", "other") }));
    },
  );

  test.each(["db.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.1", "0.0.0.0"])(
    "CURSOR_KEY is required for a database on %s",
    async (host) => {
      const url = DATABASE_URL.replace("127.0.0.1", host);
      expect(await messageOf({ DATABASE_URL: url })).toContain("CURSOR_KEY is not set");
      expect(await keyOf({ DATABASE_URL: url, CURSOR_KEY: SECRET })).toEqual(
        new TextEncoder().encode(SECRET),
      );
    },
  );
});

test.each<[string, string, RegExp]>([
  ["DATABASE_URL", "hidden", /postgres:\/\//],
  ["DATABASE_URL", "mysql://octavo:hidden@127.0.0.1/octavo", /postgres:\/\//],
  ["DATABASE_URL", "postgres://127.0.0.1/hidden", /user:password@host/],
  ["DATABASE_URL", "postgres://octavo:hidden@127.0.0.1", /user:password@host/],
  ["DATABASE_URL", "postgres://octavo:hidden@127.0.0.1/", /user:password@host/],
  ["DATABASE_URL", "postgres://hidden@127.0.0.1/octavo", /user:password@host/],
  ["DATABASE_READ_URL", "hidden", /several separated by commas/],
  ["DATABASE_READ_URL", "postgres://octavo:hidden@127.0.0.1", /user:password@host/],
  ["DATABASE_READ_URL", `${DATABASE_URL},`, /several separated by commas/],
  ["REPLICA_MAX_LAG", "0", /seconds/],
  ["REPLICA_MAX_LAG", "hidden", /seconds/],
  ["REPLICA_MAX_LAG", "1.5", /seconds/],
  ["REPLICA_MAX_LAG", "86401", /seconds/],
  ["NEON_FETCH_ENDPOINT", "ftp://hidden", /https?:\/\//],
  ["CURSOR_KEY", "hidden".padEnd(31, "."), /32 bytes/],
  ["SESSION_KEY", "hidden".padEnd(31, "."), /32 bytes/],
  ["SESSION_KEY", "hidden", /32 bytes/],
  ["SESSION_KEY", "ß".repeat(15), /32 bytes/],
  ["AUTH_SECRET", "hidden".padEnd(31, "."), /32 bytes/],
  ["AUTH_CLIENT_ID", "hidden", /AUTH_CLIENT_ID needs an AUTH_ISSUER/],
  ["AUTH_SCOPES", "openid hidden", /AUTH_SCOPES needs AUTH_CLIENT_ID/],
  ["AUTH_SCOPES", "hidden", /must contain openid/],
  ["AUTH_SCOPES", "openid  hidden", /must be words/],
  ["AUTH_SCOPES", 'openid "hidden"', /must be words/],
  ["AUTH_JWKS_URL", "hidden", /https:\/\//],
  ["AUTH_JWKS_URL", "id.example/hidden", /https:\/\//],
  ["AUTH_JWKS_URL", "file:///hidden", /https:\/\//],
  ["AUTH_JWKS_URL", "http://id.example/hidden", /on loopback/],
  ["AUTH_JWKS_URL", "http://127.0.0.1.hidden.example/keys", /on loopback/],
  ["AUTH_JWKS_URL", "http://0.0.0.0/hidden", /on loopback/],
  ["AUTH_JWKS_URL", "https://octavo:hidden@id.example/keys", /must not contain a user name or password/],
  ["AUTH_JWKS_URL", "https://hidden@id.example/keys", /must not contain a user name or password/],
  ["AUTH_ALGORITHMS", "hidden", /RS256, .+, EdDSA/],
  ["AUTH_ALGORITHMS", "none", /RS256, .+, EdDSA/],
  ["AUTH_ALGORITHMS", "HS256", /RS256, .+, EdDSA/],
  ["AUTH_ALGORITHMS", " , ", /RS256, .+, EdDSA/],
  ["AUTH_ROLES", "hidden", /JSON Pointer/],
  ["AUTH_ROLES", "#/hidden", /JSON Pointer/],
  ["AUTH_ROLES", "/hidden~", /JSON Pointer/],
  ["AUTH_ROLES", "/hidden~2", /JSON Pointer/],
  ["AUTH_ROLES", "/roles /hidden~", /JSON Pointer/],
  ["AUTH_ROLE_MAP", "hidden", /such as shop-staff=clerk/],
  ["AUTH_ROLE_MAP", "hidden=owner", /the roles are clerk, editor, admin/],
  ["AUTH_ROLE_MAP", "hidden=CLERK", /the roles are clerk, editor, admin/],
  ["AUTH_ROLE_MAP", "hidden=", /such as shop-staff=clerk/],
  ["AUTH_ROLE_MAP", "=clerk", /such as shop-staff=clerk/],
  ["AUTH_ROLE_MAP", '""=clerk', /such as shop-staff=clerk/],
  ["AUTH_ROLE_MAP", '"hidden=clerk', /such as shop-staff=clerk/],
  ["AUTH_ROLE_MAP", "a=clerk hidden = clerk", /such as shop-staff=clerk/],
  ["AUTH_ROLE_MAP", "a=clerk;hidden=editor x", /such as shop-staff=clerk/],
  ["AUTH_ROLE_MAP", ",", /such as shop-staff=clerk/],
  ["OPEN_LOCAL_WRITES", "hidden", /true or unset/],
  ["OPEN_LOCAL_WRITES", "false", /true or unset/],
  ["IMPORT_MAX_BYTES", "0", /bytes/],
  ["IMPORT_MAX_BYTES", "hidden", /bytes/],
  ["IMPORT_MAX_BYTES", "1e9", /bytes/],
  ["EDGE_CACHE_SECONDS", "hidden", /seconds, 0 to 86400/],
  ["EDGE_CACHE_SECONDS", "-1", /seconds/],
  ["EDGE_CACHE_SECONDS", "1.5", /seconds/],
  ["EDGE_CACHE_SECONDS", "60s", /seconds/],
  ["EDGE_CACHE_SECONDS", "86401", /seconds/],
  ["REQUEST_TIMEOUT_MS", "hidden", /milliseconds/],
  ["REQUEST_TIMEOUT_MS", "99", /milliseconds/],
  ["REQUEST_TIMEOUT_MS", "099", /milliseconds/],
  ["REQUEST_TIMEOUT_MS", "000", /milliseconds/],
  ["REQUEST_TIMEOUT_MS", "1e3", /milliseconds/],
  ["REQUEST_TIMEOUT_MS", "-1000", /milliseconds/],
  ["REQUEST_TIMEOUT_MS", "1000000", /milliseconds/],
  ["CORS_ORIGINS", "*", /origins/],
  ["CORS_ORIGINS", "hidden.example", /origins/],
  ["CORS_ORIGINS", "https://hidden.example/", /origins/],
  ["CORS_ORIGINS", "https://hidden.example,", /origins/],
  ["PUBLIC_URL", "hidden.example", /an origin/],
  ["PUBLIC_URL", "https://hidden.example/shop", /an origin/],
  ["PUBLIC_URL", "https://hidden.example//", /an origin/],
  ["PUBLIC_URL", "https://user:hidden@shop.example", /an origin/],
  ["PUBLIC_URL", "https://Hidden.example", /an origin/],
  ["PUBLIC_URL", "javascript:hidden", /an origin/],
  ["SHOP_CURRENCY", "hidden", /a currency/],
  ["SHOP_CURRENCY", "eur", /a currency/],
  ["SHOP_CURRENCY", "€", /a currency/],
  ["SHOP_LOCALE", "hidden_", /a locale/],
  ["SHOP_LOCALE", "en_GB", /a locale/],
  ["SHOP_LOCALE", "tlh", /a locale/],
  ["SHOP_TIME_ZONE", "hidden", /a time zone/],
  ["SHOP_TIME_ZONE", "+01:00", /a time zone/],
  ["SHOP_TIME_ZONE", "Europe/Hidden", /a time zone/],
  ["COVER_ORIGINS", "*", /https origins/],
  ["COVER_ORIGINS", "http://hidden.example", /https origins/],
  ["COVER_ORIGINS", "https://hidden.example/covers", /https origins/],
  ["COVER_ORIGINS", "https://hidden.example; script-src *", /https origins/],
  ["COVER_ORIGINS", "https://hidden.example,", /https origins/],
  ["LOG_LEVEL", "hidden", /debug, info, warn, error/],
  ["LOG_LEVEL", "INFO", /debug, info, warn, error/],
  ["LOG_LEVEL", "info,warn", /debug, info, warn, error/],
  ["LOG_SUBJECT", "hidden", /hashed or plain/],
  ["LOG_SUBJECT", "PLAIN", /hashed or plain/],
  ["LOG_SUBJECT", "true", /hashed or plain/],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "hidden:4318", /a collector/],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://hidden:4317", /a collector/],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://octavo:hidden@otel.example", /without a user name or password/],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example/?key=hidden", /a collector/],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "https://", /a collector/],
  ["OTEL_EXPORTER_OTLP_HEADERS", "hidden", /such as api-key=secret/],
  ["OTEL_EXPORTER_OTLP_HEADERS", "api key=hidden", /such as api-key=secret/],
  ["OTEL_EXPORTER_OTLP_HEADERS", "api-key=hidden,", /such as api-key=secret/],
  ["OTEL_EXPORTER_OTLP_HEADERS", "api-key=hidden%zz", /such as api-key=secret/],
  ["OTEL_EXPORTER_OTLP_HEADERS", "api-key=hidden%0d%0aHost: x", /such as api-key=secret/],
  ["OTEL_SERVICE_NAME", "hidden shop", /a name of/],
  ["OTEL_SERVICE_NAME", "hidden\n", /a name of/],
  ["OTEL_SERVICE_NAME", "hidden".repeat(20), /a name of/],
  ["OTEL_TRACES_SAMPLER_ARG", "hidden", /from 0 to 1/],
  ["OTEL_TRACES_SAMPLER_ARG", "10%", /from 0 to 1/],
  ["OTEL_TRACES_SAMPLER_ARG", "1.5", /from 0 to 1/],
  ["OTEL_TRACES_SAMPLER_ARG", "-0.1", /from 0 to 1/],
])("%s: %s is a fault", async (name, value, meaning) => {
  const message = await messageOf({ DATABASE_URL, [name]: value });
  expect(message).toContain(name);
  expect(message).toMatch(meaning);
});

test.each([
  [{ EDGE_CACHE_SECONDS: "10" }, true],
  [{ EDGE_CACHE_SECONDS: "11" }, false],
  [{ EDGE_CACHE_SECONDS: "0" }, false],
  [{ EDGE_CACHE_SECONDS: "30", REPLICA_MAX_LAG: "30" }, true],
])("with a replica, %j is a fault: %s", async (variables, isFault) => {
  const environment = { DATABASE_URL, ...variables };
  await parseConfig(environment);
  const parsing = parseConfig({ ...environment, DATABASE_READ_URL: DATABASE_URL });
  if (isFault)
    await expect(parsing).rejects.toThrow("EDGE_CACHE_SECONDS must be more than REPLICA_MAX_LAG, or 0");
  else await parsing;
});

test.each<[string, string, RegExp]>([
  ["LOG_FORMAT", "hidden", /json or text/],
  ["LOG_FORMAT", "JSON", /json or text/],
  ["LOG_FORMAT", "pretty", /json or text/],
  ["METRICS_PORT", "hidden", /whole number/],
  ["METRICS_PORT", "65536", /whole number/],
  ["METRICS_PORT", "-1", /whole number/],
  ["METRICS_PORT", "8080", /must differ from PORT/],
  ["METRICS_HOST", "hidden host", /host name or an address/],
  ["METRICS_HOST", "http://hidden", /host name or an address/],
  ["METRICS_HOST", "hidden/metrics", /host name or an address/],
])("%s: %s is a fault of a server", async (name, value, meaning) => {
  const message = await messageOf({ DATABASE_URL, [name]: value }, parseServerConfig);
  expect(message).toContain(name);
  expect(message).toMatch(meaning);
});

describe("RATE_LIMIT", () => {
  const PARSERS = { "a Worker": parseConfig, "a server": parseServerConfig };

  test.each<[string, keyof typeof PARSERS, { requests: number; seconds: number } | undefined]>([
    ["off", "a Worker", undefined],
    ["1/10", "a Worker", { requests: 1, seconds: 10 }],
    ["999999999/60", "a Worker", { requests: 999_999_999, seconds: 60 }],
    ["", "a server", { requests: 600, seconds: 60 }],
    ["off", "a server", undefined],
    ["1/1", "a server", { requests: 1, seconds: 1 }],
    ["999999999/99999", "a server", { requests: 999_999_999, seconds: 99_999 }],
  ])("RATE_LIMIT %j is valid for %s", async (RATE_LIMIT, runtime, rateLimit) => {
    expect((await PARSERS[runtime]({ DATABASE_URL, RATE_LIMIT })).rateLimit).toEqual(rateLimit);
  });

  const MALFORMED = [
    ...["hidden", "OFF", "on", "false", "0", "600", "600/", "/60", "600/60/60", "600:60", "600/60s"],
    ...[
      "0/60",
      "600/0",
      "-1/60",
      "600/-60",
      "+600/60",
      "0600/60",
      "600/060",
      "6e2/60",
      "600.5/60",
      "600/60.0",
    ],
    ...[" 600/60", "600/60 ", "600 / 60", "600/60\n", "6_00/60", "1000000000/60", "Infinity/60", "٦٠٠/60"],
  ];
  test.each(MALFORMED)("RATE_LIMIT %j is a fault", async (RATE_LIMIT) => {
    const sentence = "RATE_LIMIT must be off or requests/seconds, such as 600/60";
    expect(await messageOf({ DATABASE_URL, RATE_LIMIT })).toContain(sentence);
    expect(await messageOf({ DATABASE_URL, RATE_LIMIT }, parseServerConfig)).toContain(sentence);
  });

  test.each(["600/1", "600/59", "600/61", "600/100", "600/600"])(
    "RATE_LIMIT %j is a fault of a Worker, whose binding has windows of 10 or 60 seconds",
    async (value) => {
      expect(await messageOf({ DATABASE_URL, RATE_LIMIT: value })).toContain(
        "with a window of 10 or 60 seconds",
      );
    },
  );

  test("RATE_LIMIT has windows of at most 99,999 seconds, which a timer can hold", async () => {
    const message = await messageOf({ DATABASE_URL, RATE_LIMIT: "600/100000" }, parseServerConfig);
    expect(message).toContain("with a window of 1 to 99999 seconds");
  });
});

describe("TRUSTED_PROXY_HOPS", () => {
  test.each([
    ["", undefined],
    ["0", 0],
    ["1", 1],
    ["10", 10],
  ])("TRUSTED_PROXY_HOPS %j is read as %s", async (TRUSTED_PROXY_HOPS, hops) => {
    const config = await parseServerConfig({ DATABASE_URL, TRUSTED_PROXY_HOPS });
    expect(config.trustedProxyHops).toBe(hops);
  });

  test.each(["hidden", "true", "*", "-1", "11", "1.5", "1e0", " 1", "127.0.0.1", "loopback"])(
    "TRUSTED_PROXY_HOPS %j is a fault",
    async (TRUSTED_PROXY_HOPS) => {
      const message = await messageOf({ DATABASE_URL, TRUSTED_PROXY_HOPS }, parseServerConfig);
      expect(message).toContain("TRUSTED_PROXY_HOPS must be a whole number, 0 to 10");
    },
  );
});

describe("misspellings", () => {
  test.each([
    ["RATELIMIT", "RATE_LIMIT"],
    ["RATE_LIMITS", "RATE_LIMIT"],
    ["rate_limit", "RATE_LIMIT"],
    ["DATABASE_URI", "DATABASE_URL"],
    ["DATABSE_URL", "DATABASE_URL"],
    ["DATABASEURL", "DATABASE_URL"],
    ["CURSORKEY", "CURSOR_KEY"],
    ["AUHT_SECRET", "AUTH_SECRET"],
    ["AUTH_SECERT", "AUTH_SECRET"],
    ["AUTH_JWKS_URI", "AUTH_JWKS_URL"],
    ["CORS_ORIGIN", "CORS_ORIGINS"],
    ["REQUEST_TIMEOUT", "REQUEST_TIMEOUT_MS"],
    ["SHUTDOWN_DELAY", "SHUTDOWN_DELAY_MS"],
    ["TRUST_PROXY_HOPS", "TRUSTED_PROXY_HOPS"],
    ["DATABASE_POOLSIZE", "DATABASE_POOL_SIZE"],
  ])("%s is reported as a misspelling of %s", (name, meant) => {
    const sentence = `${name} is not a variable of Octavo: did you mean ${meant}?`;
    expect(misspellings({ [name]: "hidden", PATH: "/bin" }, SERVER_VARIABLES)).toEqual([sentence]);
    expect(misspellings({ [name]: "hidden", [meant]: "" }, SERVER_VARIABLES)).toEqual([sentence]);
    expect(misspellings({ [name]: "hidden", [meant]: "set" }, SERVER_VARIABLES)).toEqual([]);
  });

  test.each([
    ...["HOSTS", "HOSTNAME", "host", "PORTS", "PORT_", "SSH_AUTH_SOCK", "AUTH_USER", "AUTH_SERVER", "AUTH"],
    ...[
      "DATABASE",
      "DATABASE_NAME",
      "TEST_DATABASE_URL",
      "DATABASE_URL_READER",
      "RATE",
      "LIMIT",
      "RATE_LIMITER",
    ],
    ...["CURSOR_TRACE_ID", "DATA_DIR", "NODE_ENV", "PGHOST", "npm_config_registry", "_", ""],
  ])("%j is not reported as a misspelling", (name) => {
    expect(misspellings({ [name]: "hidden" }, SERVER_VARIABLES)).toEqual([]);
  });
});

test("the length of a secret counts in bytes", async () => {
  const { authentication } = await parseConfig({ DATABASE_URL, AUTH_SECRET: "é".repeat(16) });
  expect(authentication).toMatchObject({ mode: "hs256" });
});

test.each([[{}], [{ DATABASE_URL: "" }], [{ DATABASE_URL: undefined }]])(
  "an environment of %j lacks DATABASE_URL",
  async (environment) => {
    expect(await messageOf(environment)).toBe("The configuration is invalid: DATABASE_URL is not set.");
  },
);

test("one message names all faults", async () => {
  const message = await messageOf({
    NEON_FETCH_ENDPOINT: "hidden",
    CURSOR_KEY: "hidden",
    AUTH_SECRET: "hidden",
    AUTH_JWKS_URL: "hidden",
    OPEN_LOCAL_WRITES: "hidden",
    RATE_LIMIT: "hidden",
    REQUEST_TIMEOUT_MS: "hidden",
    CORS_ORIGINS: "hidden",
    PUBLIC_URL: "hidden",
    SHOP_CURRENCY: "hidden",
    SHOP_LOCALE: "hidden_",
    SHOP_TIME_ZONE: "hidden",
    COVER_ORIGINS: "hidden",
  });
  for (const name of [
    "DATABASE_URL",
    "NEON_FETCH_ENDPOINT",
    "CURSOR_KEY",
    "AUTH_SECRET",
    "AUTH_JWKS_URL",
    "AUTH_ISSUER",
    "OPEN_LOCAL_WRITES",
    "RATE_LIMIT",
    "REQUEST_TIMEOUT_MS",
    "CORS_ORIGINS",
    "PUBLIC_URL",
    "SHOP_CURRENCY",
    "SHOP_LOCALE",
    "SHOP_TIME_ZONE",
    "COVER_ORIGINS",
  ]) {
    expect(message).toContain(name);
  }
});

test.each<[string, Record<string, string>, string]>([
  ["open writes and a secret", { OPEN_LOCAL_WRITES: "true", AUTH_SECRET: SECRET }, "are mutually exclusive"],
  ["open writes and keys", { OPEN_LOCAL_WRITES: "true", AUTH_JWKS_URL: KEYS }, "are mutually exclusive"],
  [
    "a client and a secret",
    { AUTH_CLIENT_ID: "counter", AUTH_SECRET: SECRET, AUTH_ISSUER: "https://id.example" },
    "AUTH_CLIENT_ID needs an AUTH_ISSUER that is the URL of an identity provider",
  ],
  [
    "a client and an issuer that is no URL",
    { AUTH_CLIENT_ID: "counter", AUTH_JWKS_URL: KEYS, AUTH_ISSUER: "shop" },
    "AUTH_CLIENT_ID needs an AUTH_ISSUER that is the URL of an identity provider",
  ],
  [
    "keys and a secret",
    { AUTH_JWKS_URL: KEYS, AUTH_SECRET: SECRET, AUTH_ISSUER: "https://id.example" },
    "AUTH_SECRET and AUTH_JWKS_URL are mutually exclusive",
  ],
  ["keys and no issuer", { AUTH_JWKS_URL: KEYS }, "AUTH_JWKS_URL needs AUTH_ISSUER"],
  [
    "keys for an audience and no issuer",
    { AUTH_JWKS_URL: KEYS, AUTH_AUDIENCE: "octavo" },
    "needs AUTH_ISSUER",
  ],
  ["an issuer and no audience", { AUTH_ISSUER: "https://id.example" }, "AUTH_AUDIENCE is not set"],
  [
    "open writes and an issuer",
    { OPEN_LOCAL_WRITES: "true", AUTH_ISSUER: "https://id.example", AUTH_AUDIENCE: "octavo" },
    "OPEN_LOCAL_WRITES and AUTH_ISSUER are mutually exclusive",
  ],
  [
    "an audience alone",
    { AUTH_AUDIENCE: "octavo" },
    "AUTH_AUDIENCE must be used with AUTH_SECRET or AUTH_ISSUER",
  ],
  [
    "roles alone",
    { AUTH_ROLES: "/groups", AUTH_ROLE_MAP: "staff=clerk" },
    "AUTH_ROLES and AUTH_ROLE_MAP must be used with AUTH_SECRET or AUTH_ISSUER",
  ],
  [
    "algorithms and a secret",
    { AUTH_SECRET: SECRET, AUTH_ALGORITHMS: "RS256" },
    "AUTH_ALGORITHMS must not be set with AUTH_SECRET",
  ],
  ["a remote database and no key", { DATABASE_URL: FAR }, "CURSOR_KEY is not set"],
])("the conflict of %s is reported beside other faults", async (_, environment, meaning) => {
  expect(await messageOf({ DATABASE_URL, ...environment })).toContain(meaning);
  const message = await messageOf({ DATABASE_URL, ...environment, REQUEST_TIMEOUT_MS: "hidden" });
  expect(message).toContain("REQUEST_TIMEOUT_MS");
  expect(message).toContain(meaning);
});

test.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["[::1]", true],
  ["127.0.0.1.evil.example", false],
  ["localhost.evil.example", false],
  ["128.0.0.1", false],
  ["[::]", false],
  ["", false],
])("isLoopback(%j) is %s", (hostname, loopback) => {
  expect(isLoopback(hostname), "it is loopback").toBe(loopback);
});
