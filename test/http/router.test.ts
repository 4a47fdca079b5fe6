/** Every path: unknown paths, methods, headers, CORS, service endpoints, an unavailable database, and the log. */
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, type Options, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { goodRequest, type Operation, operationsOf } from "../support/requests.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";
const SHOP = "https://shop.example";

let api: Client;
let database: TestDatabase;
let worker: TestWorker;
/** An existing resource for every path of the document, and the methods of the path. */
let paths: { path: string; methods: string[] }[];
let errors: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  worker = await startWorker(database, {
    LOG_LEVEL: "debug",
    OPEN_LOCAL_WRITES: "true",
    CORS_ORIGINS: SHOP,
  });
  api = await createClient(worker.url);
  const document = (await api("GET", "/openapi.json")).json;
  const operations = operationsOf(document);
  errors = document.components.schemas.Problem.properties.error.enum;
  paths = await Promise.all(
    Object.keys(document.paths).map(async (template) => {
      const own = operations.filter(({ path }) => path === template) as [Operation];
      const { path } = await goodRequest(own[0], api);
      return { path, methods: own.map(({ method }) => method) };
    }),
  );
});

const allowOf = ({ headers }: Pick<Answer, "headers">) => headers.get("Allow")?.split(", ").sort();
const allowed = (methods: string[]) =>
  [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].sort();

test.each([
  "/api",
  "/api/v1",
  "/api/v2/books",
  "/api/v1/books/",
  "/api/v1//books",
  "//api/v1/books",
  "/api/v1/Books",
  "/API/V1/BOOKS",
  "/api%2Fv1%2Fbooks",
  "/api/v1/books%2F",
  "/api/v1/books%2Fisbn%2F9780306406157",
  "/api/v1/books/isbn/9780306406157/",
  `/api/v1/books/${MISSING}/x`,
  "/api/v1/books.json",
  "/api/v1/books/isbn",
  "/health/",
  "/problems",
  "/problems/",
  "/openapi",
  "/docs/",
  "/docs/start.js/",
  "/start.js",
  "/constructor",
  "/%00",
  "/%FF",
])("GET %s returns 404", async (path) => {
  for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
    const { status, json } = await api(method, path);
    expect([method, status, json?.error]).toEqual([method, 404, method === "HEAD" ? undefined : "not_found"]);
  }
});

test("a literal segment takes precedence over a parameter, for every method", async () => {
  for (const method of ["POST", "DELETE"]) {
    const response = await rawRequest(worker.url, { method, path: "/api/v1/books/isbn/stock" });
    expect([response.status, allowOf(response)]).toEqual([405, ["GET", "HEAD", "OPTIONS", "PUT"]]);
  }
});

test("dot segments lead to no other resource", async () => {
  for (const path of [
    "/api/v1/books/..",
    "/../../etc/passwd",
    "/api/v1/books/../../../src/app.ts",
    "/%2e%2e/health/../nothing",
  ]) {
    expect((await rawRequest(worker.url, { path })).status, path).toBe(404);
  }
});

describe("every path", () => {
  test("every path is in the document", () => {
    expect(paths.length).toBeGreaterThan(8);
    const unread = paths.filter(({ methods }) => !methods.includes("GET")).map(({ path }) => path);
    expect(unread.filter((path) => !/\/(stock|import)$/.test(path))).toEqual([]);
  });

  test("every path returns 405 with Allow for other methods", async () => {
    for (const { path, methods } of paths) {
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
        if (methods.includes(method)) continue;
        const answer = await api(method, path);
        expect([method, path, answer.json.error]).toEqual([method, path, "method_not_allowed"]);
        expect([answer.status, allowOf(answer)]).toEqual([405, allowed(methods)]);
      }
    }
  });

  test("every path returns 204 with Allow for OPTIONS", async () => {
    for (const { path, methods } of paths) {
      const answer = await api("OPTIONS", path);
      expect([path, answer.status, answer.text]).toEqual([path, 204, ""]);
      expect(allowOf(answer)).toEqual(allowed(methods));
    }
    expect((await api("OPTIONS", "/api/v1/book")).status).toBe(404);
    expect((await api("OPTIONS", "/api/v1/books/")).status).toBe(404);
  });

  test("every path responds to HEAD like GET, without the body", async () => {
    for (const { path, methods } of paths) {
      if (!methods.includes("GET")) continue;
      const [get, head] = [await api("GET", path), await api("HEAD", path)];
      expect([path, head.status, head.text]).toEqual([path, 200, ""]);
      for (const name of ["Content-Type", "ETag", "Cache-Control", "Link", "X-Content-Type-Options"]) {
        expect([path, name, head.headers.get(name)]).toEqual([path, name, get.headers.get(name)]);
      }
    }
  });
});

describe("X-Request-Id", () => {
  const REQUESTS: [string, string, number][] = [
    ["GET", "/health", 200],
    ["GET", "/nothing", 404],
    ["PUT", "/health", 405],
    ["OPTIONS", "/health", 204],
    ["POST", "/api/v1/books", 415],
  ];

  test.each(["a", "Az_09-=.", "x".repeat(128)])("the X-Request-Id %s is kept", async (id) => {
    for (const [method, path, status] of REQUESTS) {
      const { headers, json, ...answer } = await api(method, path, { headers: { "X-Request-Id": id } });
      expect([answer.status, headers.get("X-Request-Id")]).toEqual([status, id]);
      if (status >= 400) expect(json.request_id).toBe(id);
    }
  });

  test.each(["", "x".repeat(129), "a b", "a/b", "a,b", "a;b", "é", '"a"'])(
    "the X-Request-Id %j is replaced",
    async (id) => {
      const ids = new Set([id]);
      for (const [method, path] of REQUESTS) {
        const { headers } = await api(method, path, { headers: { "X-Request-Id": id } });
        ids.add(headers.get("X-Request-Id") as string);
      }
      expect(ids.size).toBe(REQUESTS.length + 1);
    },
  );
});

test.each<[string, string, number, string, Options?]>([
  ["GET", "/health", 200, "no-store"],
  ["GET", "/ready", 200, "no-store"],
  ["GET", "/openapi.json", 200, "public, max-age=300"],
  ["GET", "/openapi.yaml", 200, "public, max-age=300"],
  ["GET", "/.well-known/api-catalog", 200, "public, max-age=300"],
  ["GET", "/problems/conflict", 200, "public, max-age=300"],
  ["GET", "/docs", 200, "no-cache"],
  ["GET", "/docs/start.js", 200, "public, max-age=86400"],
  ["GET", "/docs/x", 404, "no-store"],
  ["GET", "/problems/x", 404, "no-store"],
  ["GET", "/nothing", 404, "no-store"],
  ["PUT", "/health", 405, "no-store"],
  ["OPTIONS", "/health", 204, "no-store"],
  ["GET", "/api/v1/books", 200, "no-store"],
  ["GET", "/api/v1/books?limit=0", 422, "no-store"],
  ["GET", "/api/v1/books?cursor=x", 400, "no-store"],
  ["GET", `/api/v1/books/${MISSING}`, 404, "no-store"],
  ["DELETE", `/api/v1/tasks/${MISSING}`, 404, "no-store"],
  ["POST", "/api/v1/books", 415, "no-store"],
  ["POST", "/api/v1/books", 201, "no-cache, no-transform", { body: newBook() }],
])("%s %s %i has the Cache-Control of %s", async (method, path, status, cacheControl, options) => {
  const { headers, ...answer } = await api(method, path, options);
  expect([answer.status, headers.get("Cache-Control")]).toEqual([status, cacheControl]);
});

describe("CORS", () => {
  let closed: Client;

  beforeAll(async () => {
    const bindings = { CORS_ORIGINS: `${SHOP}, http://localhost:3000` };
    closed = await createClient((await startWorker(database, bindings)).url);
  });

  const preflight = async (api: Client, origin: string, method: string, path = "/api/v1/books") => {
    const headers = {
      Origin: origin,
      "Access-Control-Request-Method": method,
      "Access-Control-Request-Headers": "content-type",
    };
    return (await api("OPTIONS", path, { headers })).headers;
  };
  const listOf = (headers: Headers, name: string) => headers.get(name)?.split(/, */) ?? [];

  /** Checks that the preflight response lets a page of the origin write. */
  const expectGranted = async (api: Client, origin: string) => {
    for (const path of ["/api/v1/books", "/api/v1/tasks"]) {
      const headers = await preflight(api, origin, "DELETE", path);
      expect(headers.get("Access-Control-Allow-Origin")).toBe(origin);
      expect(headers.get("Access-Control-Max-Age")).toBe("7200");
      expect(headers.get("Vary")).toContain("Origin");
      expect(listOf(headers, "Access-Control-Allow-Methods")).toEqual(
        expect.arrayContaining(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
      );
      expect(listOf(headers, "Access-Control-Allow-Headers")).toEqual(
        expect.arrayContaining([
          "Authorization",
          "Content-Type",
          "Idempotency-Key",
          "If-Match",
          "If-None-Match",
          "X-Request-Id",
        ]),
      );
    }
  };
  const expectRefused = async (api: Client, origin: string) => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const headers = await preflight(api, origin, method);
      expect(listOf(headers, "Access-Control-Allow-Methods")).toEqual(["GET", "HEAD"]);
      expect(headers.get("Access-Control-Max-Age")).toBe("7200");
      // POST is allowed whatever Allow-Methods says (Fetch, section 4.10). The header that it needs prevents it.
      expect(headers.get("Access-Control-Allow-Headers")?.toLowerCase()).not.toMatch(/content-type|\*/);
    }
  };

  test.each([
    ["/api/v1/books", 200],
    ["/api/v1/books?limit=0", 422],
    ["/api/v1/tasks", 401],
    ["/nothing", 404],
  ])("every page can read %s, and its headers", async (path, status) => {
    const { headers, ...answer } = await closed("GET", path, { headers: { Origin: "https://any.example" } });
    expect([answer.status, headers.get("Access-Control-Allow-Origin")]).toEqual([status, "*"]);
    expect(headers.get("Access-Control-Allow-Credentials")).toBeNull();
    expect(listOf(headers, "Access-Control-Expose-Headers")).toEqual(
      expect.arrayContaining([
        "ETag",
        "Idempotency-Replayed",
        "Link",
        "Location",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
        "X-Request-Id",
      ]),
    );
  });

  test.each([SHOP, "http://localhost:3000"])("a page of %s can write", (origin) =>
    expectGranted(closed, origin),
  );

  test.each([
    "https://any.example",
    "null",
    "http://shop.example",
    `${SHOP}:8443`,
    `${SHOP}.evil.example`,
    "http://localhost:3001",
  ])("a page of %s cannot write", (origin) => expectRefused(closed, origin));

  describe("if writes are open", () => {
    /** Whether a page of the origin can read the response. */
    const isShown = async (origin: string, method: string, path: string, body?: unknown) => {
      const { headers } = await api(method, path, { headers: { Origin: origin }, body });
      const allowed = headers.get("Access-Control-Allow-Origin");
      expect(headers.get("Vary")).toContain("Origin");
      expect(headers.has("Access-Control-Expose-Headers")).toBe(allowed !== null);
      return allowed === "*" || allowed === origin;
    };
    const ROLE_NEEDED: [method: string, path: string, body?: unknown][] = [
      ["GET", "/api/v1/tasks"],
      ["HEAD", "/api/v1/tasks"],
      ["GET", "/api/v1/tasks?limit=0"],
      ["GET", `/api/v1/tasks/${MISSING}`],
      ["GET", `/api/v1/books/${MISSING}/stock/movements`],
      ["POST", "/api/v1/books", {}],
      ["DELETE", `/api/v1/books/${MISSING}`],
    ];

    test.each([
      "http://localhost",
      "http://localhost:5173",
      "https://localhost:5173",
      "http://127.0.0.1:8080",
      "http://[::1]:3000",
      SHOP,
    ])("a page of %s can write and read everything if writes are open", async (origin) => {
      await expectGranted(api, origin);
      for (const [method, path, body] of [...ROLE_NEEDED, ["GET", "/api/v1/books"] as const])
        expect([method, path, await isShown(origin, method, path, body)]).toEqual([method, path, true]);
    });

    test.each([
      "https://any.example",
      "null",
      "file://",
      "localhost:5173",
      "ws://localhost:5173",
      "http://localhost:5173/",
      "http://localhost.evil.example",
      "http://127.0.0.1.evil.example",
      "http://localhost@evil.example",
      "http://192.168.0.1",
      "http://0.0.0.0:8787",
      "",
    ])("a page of %j cannot write, and can read only public routes, if writes are open", async (origin) => {
      await expectRefused(api, origin);
      for (const [method, path, body] of ROLE_NEEDED)
        expect([method, path, await isShown(origin, method, path, body)]).toEqual([method, path, false]);
      for (const path of ["/api/v1/books", `/api/v1/books/${MISSING}`, "/health", "/nothing"])
        expect([path, await isShown(origin, "GET", path)]).toEqual([path, true]);
    });
  });
});

describe("the problems", () => {
  test("every problem has the status that is part of the contract", async () => {
    const answers = await Promise.all(errors.map((error) => api("GET", `/problems/${error}`)));
    for (const [at, { status, json }] of answers.entries()) {
      expect([status, json.error, json.type]).toEqual([200, errors[at], `/problems/${errors[at]}`]);
    }
    expect(Object.fromEntries(answers.map(({ json }) => [json.error, json.status]))).toMatchObject({
      invalid_json: 400,
      invalid_cursor: 400,
      invalid_header: 400,
      unauthorized: 401,
      forbidden: 403,
      not_found: 404,
      method_not_allowed: 405,
      conflict: 409,
      insufficient_stock: 409,
      idempotency_in_progress: 409,
      precondition_failed: 412,
      payload_too_large: 413,
      unsupported_media_type: 415,
      misdirected_request: 421,
      validation_failed: 422,
      idempotency_mismatch: 422,
      rate_limited: 429,
      internal_error: 500,
      database_unavailable: 503,
      service_unavailable: 503,
    });
  });

  test.each(["nothing", "Not_Found", "constructor", "__proto__", "toString"])(
    "there is no problem %s",
    async (error) => {
      expect((await api("GET", `/problems/${error}`)).status).toBe(404);
    },
  );
});

const REQUESTS: [method: string, path: string, body?: unknown][] = [
  ["GET", "/api/v1/books?count=exact"],
  ["GET", `/api/v1/books/${MISSING}`],
  ["GET", "/api/v1/tasks"],
  ["POST", "/api/v1/books", newBook({ title: "MARK-BODY" })],
  ["PATCH", `/api/v1/books/${MISSING}`, { title: "MARK-BODY" }],
  ["DELETE", `/api/v1/books/${MISSING}`],
  ["POST", "/api/v1/tasks", { title: "MARK-BODY" }],
];

/** Sends requests that need the database, and expects 503 for each. */
async function expectUnavailable(api: Client, requests = REQUESTS) {
  for (const [method, path, body] of requests) {
    const { status, headers, json, text } = await api(method, path, { body });
    expect([method, path, status, json.error]).toEqual([method, path, 503, "database_unavailable"]);
    expect(headers.get("Retry-After")).toMatch(/^\d+$/);
    expect([method, path, /unknown/.test(json.message)]).toEqual([method, path, method !== "GET"]);
    expect(text).not.toMatch(/select|insert|postgres|neon|fetch|timeout|abort|ECONN|127\.0\.0\.1|\.js/i);
  }
}

describe("with an unavailable database", () => {
  let away: TestWorker;
  let api: Client;

  beforeAll(async () => {
    // Nothing listens on port 9 (discard).
    away = await startWorker(database, {
      NEON_FETCH_ENDPOINT: "http://127.0.0.1:9/sql",
      OPEN_LOCAL_WRITES: "true",
    });
    api = await createClient(away.url);
  });

  test("a server without its database is healthy, and not ready", async () => {
    expect((await api("GET", "/health")).text).toBe('{"status":"ok"}');
    await expectUnavailable(api, [["GET", "/ready"]]);
  });

  test("only routes that need the database return 503 without it", async () => {
    await expectUnavailable(api);
    expect((await api("GET", "/api/v1/books?limit=0")).status).toBe(422);
    expect((await api("GET", "/nothing")).status).toBe(404);
  });

  test("the log says why the database is unavailable, without the request's content", async () => {
    const headers = { "X-Request-Id": "away" };
    await api("POST", "/api/v1/tasks", { body: { title: "MARK-BODY" }, headers });
    await expect.poll(() => eventsOf(away, "away")).toHaveLength(1);
    expect(eventsOf(away, "away")[0]).toMatchObject({
      level: "error",
      problem: "database_unavailable",
      error: { name: expect.any(String) },
    });
    expect(JSON.stringify(eventsOf(away))).not.toContain("MARK-BODY");
  });
});

describe("the log", () => {
  test.each<[method: string, path: string, route: string, status: number, roundTrips: number, Options?]>([
    ["GET", "/health", "/health", 200, 0],
    ["GET", "/ready", "/ready", 200, 1],
    ["GET", "/nothing/at/all", "unknown", 404, 0],
    ["PUT", "/health", "/health", 405, 0],
    ["OPTIONS", "/api/v1/books", "/api/v1/books", 204, 0],
    ["GET", "/api/v1/books", "/api/v1/books", 200, 1],
    ["GET", "/api/v1/books?count=exact&search=MARK-QUERY", "/api/v1/books", 200, 1],
    ["GET", "/api/v1/books?page=1", "/api/v1/books", 200, 1],
    ["GET", "/api/v1/books?limit=0", "/api/v1/books", 422, 0],
    ["HEAD", `/api/v1/books/${MISSING}`, "/api/v1/books/:id", 404, 1],
    ["GET", "/api/v1/books/isbn/9780306406157", "/api/v1/books/isbn/:isbn", 404, 1],
    ["POST", "/api/v1/books", "/api/v1/books", 201, 1, { body: newBook({ title: "MARK-BODY" }) }],
    ["POST", "/api/v1/books", "/api/v1/books", 422, 0, { body: newBook({ title: "MARK-BODY", price: -1 }) }],
    ["PATCH", `/api/v1/tasks/${MISSING}`, "/api/v1/tasks/:id", 404, 1, { body: { title: "MARK-BODY" } }],
  ])("the log has a line for %s %s", async (method, path, route, status, roundTrips, { body } = {}) => {
    const id = crypto.randomUUID();
    const headers = { "X-Request-Id": id, Authorization: "Bearer MARK-TOKEN" };
    await api(method, path, { headers, body });
    await expect.poll(() => eventsOf(worker, id)).toHaveLength(1);
    const [event] = eventsOf(worker, id);
    expect(event).toMatchObject({ method, route, status, db_round_trips: roundTrips });
    const isProbe = status < 400 && /^\/(health|ready)$/.test(path);
    expect(event?.level).toBe(isProbe ? "debug" : status < 400 ? "info" : "warn");
    expect(event?.duration_ms).toBeGreaterThanOrEqual(event?.db_ms ?? Number.NaN);
    expect(JSON.stringify(event)).not.toContain("MARK");
  });

  test("the log names the caller's role if the route needs one", async () => {
    const roleOf = async (path: string, id: string) => {
      await api("GET", path, { headers: { "X-Request-Id": id } });
      await expect.poll(() => eventsOf(worker, id)).toHaveLength(1);
      return eventsOf(worker, id)[0]?.role;
    };
    expect(await roleOf("/api/v1/tasks", "role-tasks")).toBe("admin");
    expect(await roleOf("/api/v1/books", "role-books")).toBeUndefined();
  });
});

/** The events in a Worker's log, optionally those of one request. */
function eventsOf({ logs }: TestWorker, id?: string): Record<string, number & string>[] {
  return logs()
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter((event) => id === undefined || event.request_id === id);
}
