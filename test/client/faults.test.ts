/** The client with faulty servers: each fault is a typed error, and nothing hangs. */
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createClient, OctavoError } from "../../src/client/index.ts";
import {
  answering,
  type Behaviour,
  breaking,
  closing,
  type FaultyServer,
  never,
  startFaulty,
} from "../support/faulty.ts";
import { rowsOf } from "../support/walk.ts";

const BOOK = { id: "00000000-0000-7000-8000-000000000000", title: "Dune" };
const PAGE = { data: [BOOK], limit: 20, next_cursor: null, prev_cursor: null };
const NEW = { title: "Dune", author: "Frank Herbert", isbn: "9780441172719", price: 9.99 };
const book = answering(200, BOOK, { ETag: '"x.1"' });
const page = answering(200, PAGE);
const problem = (status: number, error: string, headers: Record<string, string> = {}) =>
  answering(
    status,
    {
      type: `/problems/${error}`,
      title: "",
      status,
      error,
      message: "It is so.",
      detail: "",
      request_id: "r",
    },
    { "Content-Type": "application/problem+json", ...headers },
  );

let server: FaultyServer;

beforeAll(async () => {
  server = await startFaulty();
});

/** A client with a short timeout and no retries. */
const client = (options = {}) => createClient(server.url, { retries: 0, timeout: 2_000, ...options });
const requests = () => server.requests.map(({ method, url }) => `${method} ${url}`);

describe("a base URL", () => {
  beforeEach(() => server.behave(page));

  test.each([
    ["", "/api/v1/books"],
    ["/", "/api/v1/books"],
    ["//", "/api/v1/books"],
    ["/shop", "/shop/api/v1/books"],
    ["/shop/", "/shop/api/v1/books"],
    ["/a/b%20c/", "/a/b%20c/api/v1/books"],
    ["/shop/./x/../", "/shop/api/v1/books"],
  ])("a base URL that ends in %j leads to %s", async (ending, path) => {
    for (const base of [server.url + ending, new URL(server.url + ending)]) {
      await createClient(base).books.list({ search: "a&b" }).page();
      expect(requests().pop()).toBe(`GET ${path}?search=a%26b`);
    }
  });

  test.each([
    "",
    "/",
    "books.example",
    "//books.example",
    "http://",
    "https://books.example:99999",
    "ftp://books.example",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://user:hidden@books.example",
    "https://books.example/?key=hidden",
    "https://books.example/#hidden",
    "http://[::1",
  ])("the base URL %j throws a TypeError", (base) => {
    let thrown: unknown;
    try {
      createClient(base);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect((thrown as Error).message).toMatch(/^The base URL must /);
    expect((thrown as Error).message).not.toContain("hidden");
  });

  test("a base URL may be relative to the page that uses it", async () => {
    const here = globalThis as { location?: { href: string } };
    here.location = { href: `${server.url}/shop/index.html` };
    try {
      await createClient("/").books.list().page();
      await createClient("api").books.list().page();
    } finally {
      delete here.location;
    }
    expect(requests()).toEqual(["GET /api/v1/books", "GET /shop/api/api/v1/books"]);
  });
});

test.each(["..", ".", "", "../tasks/x", "a/b", "a?b", "a#b", "%2e%2e", "\ud800"])(
  "the id %j does not lead to another resource",
  async (id) => {
    server.behave(problem(404, "not_found"));
    await expect(client().books.delete(id)).rejects.toThrow();
    for (const { url } of server.requests) expect(url).not.toMatch(/^\/api\/v1\/tasks|books$/);
  },
);

const REDIRECT = answering(301, "", { Location: "/elsewhere" });
const ENDLESS: Behaviour = (response) => {
  response.writeHead(200, { "Content-Type": "text/html" });
  const more = () => response.write("<p>".repeat(10_000), more);
  response.on("error", () => {});
  more();
};

test.each<[string, Behaviour, string, string]>([
  ["a page of HTML", answering(200, "<h1>Welcome</h1>"), "ResponseError", "200 and text/html"],
  ["HTML without end", ENDLESS, "ResponseError", "200 and text/html"],
  ["an error in HTML", answering(404, "<h1>Not found</h1>"), "ResponseError", "404 and text/html"],
  ["a proxy's error", answering(502, "<h1>Bad gateway</h1>"), "ResponseError", "502 and text/html"],
  ["a redirect", REDIRECT, "ResponseError", "a redirect"],
  ["nothing", answering(200, "", { "Content-Type": "" }), "ResponseError", "200 and "],
  ["no content", (response) => response.writeHead(204).end(), "ResponseError", "no "],
  [
    "JSON declared as text",
    answering(200, PAGE, { "Content-Type": "text/plain" }),
    "ResponseError",
    "text/plain",
  ],
  ["another API's JSON", answering(200, { hello: "world" }), "ResponseError", "no "],
  ["null", answering(200, null), "ResponseError", "no "],
  ["a list", answering(200, [BOOK]), "ResponseError", "no "],
  ["data that is no list", answering(200, { data: {} }), "ResponseError", "no "],
  ["an error that is no problem", answering(400, { error: { code: 1 } }), "ResponseError", "400"],
  ["an error of null", answering(500, null), "ResponseError", "500"],
  ["a closed connection", closing, "ConnectionError", "cannot be reached"],
  ["half a body", breaking('{"data":[', { "Content-Length": "999" }), "ConnectionError", "incomplete"],
  ["half a body in chunks", breaking('{"data":['), "ConnectionError", "incomplete"],
  [
    "half a body and no length",
    breaking('{"data":[', { Connection: "close" }),
    "ConnectionError",
    "incomplete",
  ],
  [
    "half a JSON text",
    answering(200, '{"data":[', { "Content-Type": "application/json" }),
    "ConnectionError",
    "incomplete",
  ],
  [
    "an empty text",
    answering(200, "", { "Content-Type": "application/json" }),
    "ConnectionError",
    "incomplete",
  ],
  [
    "no HTTP",
    (response) => response.socket?.end("SSH-2.0-OpenSSH\r\n"),
    "ConnectionError",
    "cannot be reached",
  ],
  ["silence", never, "TimeoutError", "within 2000 ms"],
  [
    "silence in the middle",
    (response) => response.writeHead(200, { "Content-Type": "application/json" }).write('{"data":['),
    "TimeoutError",
    "within 2000 ms",
  ],
])("a response of %s is a typed error", async (_, behaviour, name, message) => {
  server.behave(behaviour);
  const { books } = client();
  const calls = [books.list().page(), books.page(1), books.get("x"), books.create(NEW), rowsOf(books.list())];
  const errors = await Promise.all(calls.map((call) => call.catch((error: unknown) => error)));
  for (const error of errors) {
    expect(error).toBeInstanceOf(OctavoError);
    expect(error).toMatchObject({ name, attempts: 1, message: expect.stringContaining(message) });
  }
});

test("an address where nothing listens is a typed error", async () => {
  // Nothing listens on port 9 (discard).
  const call = createClient("http://127.0.0.1:9", { retries: 0 }).books.get("x");
  await expect(call).rejects.toMatchObject({ name: "ConnectionError", cause: expect.any(Error) });
});

test("a book without an ETag is an error", async () => {
  server.behave(answering(200, BOOK));
  await expect(client().books.get("x")).rejects.toMatchObject({ name: "ResponseError", status: 200 });
});

test("an empty page with a next_cursor does not end the iterator", async () => {
  server.behave(answering(200, { ...PAGE, data: [], next_cursor: "a" }), page);
  expect(await rowsOf(client().books.list())).toEqual([BOOK]);
  expect(requests()).toEqual(["GET /api/v1/books?limit=100", "GET /api/v1/books?limit=100&cursor=a"]);
});

test("an empty search is left out", async () => {
  server.behave(page);
  const { books } = client();
  const query = { search: "", author: "", publisher: "" };
  await books.list(query).page();
  await books.page(1, query);
  await rowsOf(books.list({ search: "", author: "le guin" }));
  expect(requests()).toEqual([
    "GET /api/v1/books?publisher=",
    "GET /api/v1/books?publisher=&page=1",
    "GET /api/v1/books?limit=100&author=le+guin",
  ]);
});

test("a page can have a cursor and a signal of its own", async () => {
  server.behave(page);
  const list = client().books.list({ search: "dune", cursor: "a" });
  await list.page();
  await list.page({ cursor: "b" });
  expect(requests()).toEqual([
    "GET /api/v1/books?search=dune&cursor=a",
    "GET /api/v1/books?search=dune&cursor=b",
  ]);
  const reason = new Error("a newer search");
  await expect(list.page({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("a page that leads to itself ends the iterator with an error", async () => {
  server.behave(answering(200, { ...PAGE, next_cursor: "again" }));
  await expect(rowsOf(client().books.list())).rejects.toMatchObject({ name: "ResponseError" });
  expect(server.requests).toHaveLength(2);
});

test("the client does not wait for a fetch that ignores its signal", async () => {
  const deaf = client({ timeout: 50, fetch: () => new Promise(() => {}) });
  await expect(deaf.books.get("x")).rejects.toMatchObject({ name: "TimeoutError" });
});

describe("a token", () => {
  beforeEach(() => server.behave(book));
  const authorization = () => server.requests.map(({ headers }) => headers.authorization);

  test.each([
    ["a string", "t", "Bearer t"],
    ["a function", () => "t", "Bearer t"],
    ["an async function", async () => "t", "Bearer t"],
    ["a function that returns undefined", () => undefined, undefined],
    ["no token", undefined, undefined],
  ])("the Authorization header is made from %s", async (_, token, sent) => {
    await client({ token }).books.get("x");
    expect(authorization()).toEqual([sent]);
  });

  test("the token function is called for each attempt", async () => {
    let count = 0;
    server.behave(problem(503, "service_unavailable"), book);
    await client({ token: () => `${++count}`, retries: 1 }).books.get("x");
    expect(authorization()).toEqual(["Bearer 1", "Bearer 2"]);
  });

  test("an error of the token function is passed on, without a retry", async () => {
    const failure = new Error("signed out");
    let calls = 0;
    const token = async () => {
      calls++;
      throw failure;
    };
    await expect(client({ token, retries: 3 }).books.get("x")).rejects.toBe(failure);
    expect([calls, server.requests.length]).toEqual([1, 0]);
  });

  test("a token that is invalid in a header is a TypeError", async () => {
    await expect(client({ token: "a\nb", retries: 3 }).books.get("x")).rejects.toBeInstanceOf(TypeError);
    expect(server.requests).toEqual([]);
  });

  test("a token function that never resolves is a timeout", async () => {
    const token = () => new Promise<string>(() => {});
    await expect(client({ token, timeout: 50 }).books.get("x")).rejects.toMatchObject({
      name: "TimeoutError",
    });
  });
});

describe("retries", () => {
  /** Its token identifies the request. */
  const patient = (token = "") => client({ retries: 1, token }).books;
  const calls = {
    read: (name: string) => patient(name).get("x"),
    post: (name: string) => patient(name).create(NEW),
    change: (name: string) => patient(name).update("x", { price: 1 }),
    "change of a version": (name: string) => patient(name).update("x", { price: 1 }, { ifMatch: '"x.1"' }),
    "change of any version": (name: string) => patient(name).update("x", { price: 1 }, { ifMatch: "*" }),
    deletion: (name: string) => patient(name).delete("x"),
  };
  const HARMLESS = ["read", "post", "change of a version", "deletion"];
  const NOTHING_DONE = Object.keys(calls);

  test.each<[string, Behaviour, string[]]>([
    ["a closed connection", closing, HARMLESS],
    ["half a body", breaking('{"id":'), HARMLESS],
    ["database_unavailable", problem(503, "database_unavailable", { "Retry-After": "0" }), HARMLESS],
    ["a proxy's 502", answering(502, "<h1>Bad gateway</h1>"), HARMLESS],
    ["a proxy's 503", answering(503, "<h1>Unavailable</h1>"), HARMLESS],
    ["a proxy's 504", answering(504, "<h1>Gateway timeout</h1>"), HARMLESS],
    ["idempotency_in_progress", problem(409, "idempotency_in_progress"), HARMLESS],
    ["service_unavailable", problem(503, "service_unavailable"), NOTHING_DONE],
    ["request_timeout", problem(408, "request_timeout"), NOTHING_DONE],
    ["rate_limited", problem(429, "rate_limited", { "Retry-After": "0" }), NOTHING_DONE],
    ["a proxy's 429", answering(429, "<h1>Slow down</h1>"), NOTHING_DONE],
    ["internal_error", problem(500, "internal_error"), []],
    ["validation_failed", problem(422, "validation_failed"), []],
    ["conflict", problem(409, "conflict"), []],
    ["precondition_failed", problem(412, "precondition_failed"), []],
    ["unauthorized", problem(401, "unauthorized"), []],
    ["a page of HTML", answering(200, "<h1>Welcome</h1>"), []],
    ["a redirect", REDIRECT, []],
  ])("the client retries exactly the safe requests after %s", async (_, behaviour, repeated) => {
    server.behave(behaviour);
    const outcomes = Object.entries(calls).map(async ([name, call]) => {
      const { attempts } = await call(name).then(
        () => ({ attempts: "it did not fail" }),
        (error) => error,
      );
      const sent = server.requests.filter(({ headers }) => headers.authorization === `Bearer ${name}`).length;
      return [name, attempts, sent];
    });
    const expected = Object.keys(calls).map((name) => [name, ...(repeated.includes(name) ? [2, 2] : [1, 1])]);
    expect(await Promise.all(outcomes)).toEqual(expected);
  });

  test("the client retries after a timeout", async () => {
    server.behave(never, book);
    expect((await client({ retries: 1, timeout: 100 }).books.get("x")).data).toEqual(BOOK);
  });

  test("all attempts of a POST have the same key, and each POST has a new one", async () => {
    server.behave(closing, problem(503, "database_unavailable"), book);
    const { books } = client({ retries: 2 });
    await books.create(NEW);
    await books.create(NEW);
    await books.create(NEW, { idempotencyKey: "mine" });
    const keys = server.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys).toEqual([keys[0], keys[0], keys[0], expect.stringMatching(/^[0-9a-f]{32}$/), "mine"]);
    expect(keys[3]).not.toBe(keys[0]);
  });

  test.each([
    ["seconds", () => "2"],
    ["a date", () => new Date(Date.now() + 2000).toUTCString()],
  ])("the client waits for Retry-After in %s", async (_, retryAfter) => {
    vi.useFakeTimers({ now: Date.UTC(2026, 2, 28) });
    try {
      const fetch = vi
        .fn<() => Promise<Response>>()
        .mockResolvedValueOnce(new Response("", { status: 429, headers: { "Retry-After": retryAfter() } }))
        .mockRejectedValue(new TypeError("fetch failed"));
      const call = client({ retries: 1, fetch }).books.get("x");
      call.catch(() => {});
      await vi.advanceTimersByTimeAsync(1999);
      expect(fetch).toHaveBeenCalledTimes(1);
      await vi.advanceTimersByTimeAsync(1001);
      expect(fetch).toHaveBeenCalledTimes(2);
      await expect(call).rejects.toMatchObject({ name: "ConnectionError" });
    } finally {
      vi.useRealTimers();
    }
  });

  test.each(["31", "86400", new Date(Date.now() + 3_600_000).toUTCString()])(
    "the client leaves the retry to the caller if Retry-After is %s",
    async (retryAfter) => {
      server.behave(problem(429, "rate_limited", { "Retry-After": retryAfter }));
      const error = await patient()
        .get("x")
        .catch((error) => error);
      expect(error).toMatchObject({ name: "ProblemError", status: 429, attempts: 1 });
      expect(error.retryAfter).toBeGreaterThan(30);
    },
  );

  test.each(["soon", "-1", "1.5e3", ""])("the client ignores a Retry-After of %j", async (retryAfter) => {
    server.behave(problem(503, "service_unavailable", { "Retry-After": retryAfter }), book);
    expect((await patient().get("x")).data).toEqual(BOOK);
  });

  test("a DELETE succeeds if an earlier attempt deleted the resource", async () => {
    server.behave(closing, problem(404, "not_found"));
    expect(await patient().delete("x")).toBeUndefined();
    server.behave(problem(404, "not_found"));
    await expect(patient().delete("x")).rejects.toMatchObject({ error: "not_found" });
  });
});

describe("a signal", () => {
  const reason = new Error("the user went elsewhere");

  test.each<[string, Behaviour]>([
    ["before a response", never],
    ["while it waits for a retry", problem(503, "service_unavailable", { "Retry-After": "20" })],
  ])("a signal ends a call %s, with its reason", async (_, behaviour) => {
    server.behave(behaviour);
    const controller = new AbortController();
    const call = client({ retries: 3, timeout: 10_000 }).books.get("x", { signal: controller.signal });
    await expect.poll(() => server.requests.length).toBe(1);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  test("an aborted signal prevents the request", async () => {
    server.behave(book);
    await expect(client().books.create(NEW, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });

  test("a signal without a reason ends a call with an AbortError", async () => {
    const call = client().books.get("x", { signal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
  });

  test("a signal ends an iterator between two pages", async () => {
    server.behave(answering(200, { ...PAGE, next_cursor: "next" }), page);
    const controller = new AbortController();
    const seen: string[] = [];
    const walk = async () => {
      for await (const { title } of client().books.list({}, { signal: controller.signal })) {
        seen.push(title);
        controller.abort(reason);
      }
    };
    await expect(walk()).rejects.toBe(reason);
    expect([seen, server.requests.length]).toEqual([["Dune"], 1]);
  });
});

describe("an export", () => {
  const LINE = `${JSON.stringify(BOOK)}\n`;
  const PROBLEM = { error: "database_unavailable", status: 503, message: "It is so." };
  const sending =
    (text: string, end: (response: Parameters<Behaviour>[0]) => void): Behaviour =>
    (response) => {
      response.writeHead(200, { "Content-Type": "application/x-ndjson" }).write(text, () => end(response));
    };

  test.each<[name: string, behaviour: Behaviour, error: object]>([
    [
      "that ends with a problem",
      sending(`${LINE}${JSON.stringify(PROBLEM)}\n`, (response) => response.end()),
      { name: "ProblemError", ...PROBLEM },
    ],
    [
      "that breaks between lines",
      sending(LINE, (response) => response.destroy()),
      { name: "ConnectionError" },
    ],
    [
      "that breaks within a line",
      sending(LINE + LINE.slice(0, 20), (response) => response.destroy()),
      { name: "ConnectionError" },
    ],
    [
      "that ends within a line",
      sending(LINE + LINE.slice(0, 20), (response) => response.end()),
      { name: "ConnectionError" },
    ],
  ])("%s yields the books before it, and then rejects", async (_, behaviour, error) => {
    server.behave(behaviour);
    const titles: string[] = [];
    const reading = (async () => {
      for await (const { title } of client().books.export()) titles.push(title);
    })();
    await expect(reading).rejects.toMatchObject(error);
    expect(titles.length).toBeLessThanOrEqual(1);
    server.behave(behaviour);
    const file = await client().books.exportFile();
    if (!("status" in error) && !/ends/.test(_)) await expect(new Response(file).text()).rejects.toThrow();
  });

  test("can be aborted while it runs", async () => {
    server.behave(sending(LINE, () => {}));
    const controller = new AbortController();
    const reading = (async () => {
      for await (const { title } of client().books.export({}, { signal: controller.signal })) {
        expect(title).toBe("Dune");
        controller.abort(new Error("Enough."));
      }
    })();
    await expect(reading).rejects.toThrow("Enough.");
  });

  test("takes longer than the timeout of a request", async () => {
    server.behave(sending(LINE, (response) => setTimeout(() => response.end(LINE), 400)));
    expect(await rowsOf(client({ timeout: 200 }).books.export())).toHaveLength(2);
  });
});
