/** Every path: routing, methods, request ids, CORS, and the forms of targets and header fields. */
import { expect } from "vitest";
import type { Case } from "../exchange.ts";
import { DUNE, MISSING, ZOO } from "../fixtures.ts";
import { BOOKS_PATH, DUNE_PATH, each, JSON_TYPE, PATHS, type Row, reads, TASKS_PATH } from "./tables.ts";

const role = "admin";

const service = reads("service", [
  [200, "/health"],
  [200, "/ready"],
  [200, "/openapi.json"],
  [200, "/openapi.yaml"],
  [304, "/openapi.json", { headers: { "If-None-Match": "*" } }],
  [304, "/openapi.yaml", { headers: { "If-None-Match": "*" } }],
  [412, "/openapi.yaml", { headers: { "If-Match": '"x"' } }],
  [200, "/.well-known/api-catalog"],
  [200, "/docs"],
  [200, "/docs/start.js"],
  [200, "/docs/swagger-ui.css"],
  [422, "/docs?theme=dark"],
  ...["index.html", "LICENSE", "..%2Fnode.js", "%2e%2e/x", "start.js/", ""].map(
    (file) => [404, `/docs/${file}`] as const,
  ),
  [422, "/health?verbose=1"],
  [422, "/openapi.json?v=3&v=4"],
  [422, "/ready?="],
  [422, "/ready?=1"],
  [422, "/ready?a=%FF&%FF"],
  [422, "/problems/conflict?x"],
  ...["invalid_json", "validation_failed", "not_found", "internal_error", "misdirected_request"].map(
    (error) => [200, `/problems/${error}`] as const,
  ),
  ...["nothing", "Not_Found", "constructor", "__proto__", "%00", "not%5Ffound/", "%FF"].map(
    (error) => [404, `/problems/${error}`] as const,
  ),
  [200, "/problems/not%5Ffound"],
]);

const unknownPaths = [
  "/api",
  "/api/v1",
  "/api/v2/books",
  "/api/v1/books/",
  "/api/v1/books/?limit=1",
  "/api/v1//books",
  "//api/v1/books",
  "///",
  "/api/v1/Books",
  "/API/V1/BOOKS",
  "/api%2Fv1%2Fbooks",
  "/api/v1/books%2F",
  "/api/v1/books%2Fisbn%2F9780306406157",
  "/api/v1/books%3Flimit=1",
  "/api/v1/books;v=1",
  "/api/v1/books&limit=1",
  "/api/v1/books.json",
  "/api/v1/books/isbn",
  "/api/v1/books%20",
  "/api/v1/books%00",
  "/api/v1/books/isbn/9780306406157/",
  `/api/v1/books/${MISSING}/x`,
  "/health/",
  "/problems",
  "/problems/",
  "/openapi",
  "/constructor",
  "/favicon.ico",
  "/cdn-cgi/trace",
  "/%00",
  "/%0A",
  "/%FF",
  "/%C3%A9",
  "/%c3%a9",
  "/%E6%9D%B1%E4%BA%AC",
  "/%zz",
  "/%",
  "/a%2",
  "/%25",
  "/%3Cscript%3E",
  "/~!$&()*+,;=:@-._",
  "/[brackets]",
  `/${"a".repeat(201)}`,
  `/${"%C3%A9".repeat(201)}`,
  `/${"a".repeat(8000)}`,
  `/nothing?${"a".repeat(8000)}`,
];

/** Paths sent unchanged, with dot segments. All runtimes must treat them alike. */
const dotted: [number, string][] = [
  [404, "/api/v1/books/.."],
  [404, "/../../etc/passwd"],
  [404, "/api/v1/books/../../../src/app.ts"],
  [200, "/%2e%2e/health/.."],
  [200, "/./health"],
  [200, "/api/../health"],
  [200, "/%2e/health"],
  [200, "/api/%2E%2e/health"],
  [404, "/health/."],
  [404, "/health/x/.."],
  [200, "/../health"],
  [200, "//../health"],
];

const router: Case[] = [
  ...reads(
    "unknown path",
    unknownPaths.map((path) => [404, path] as const),
  ),
  ...each(
    "unknown path",
    ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"].flatMap((method) =>
      ["/nothing", `${BOOKS_PATH}/`].map((path): Row => [404, method, path]),
    ),
  ),
  ...reads("dots", dotted),
  ...reads("encoded path", [
    [200, "/%68ealth"],
    [200, "/api/v1/%62ooks?limit=1"],
    [200, `/api/v1/books/${DUNE.id.replace("-", "%2D")}`],
    [200, `/api/v1/books/${DUNE.id.replace("7", "%37")}`],
    [200, `/api/v1/books/isbn/978%2D0${DUNE.isbn.slice(4)}`],
    [200, `/api/v1/books/isbn/${DUNE.isbn.slice(0, 3)}%20${DUNE.isbn.slice(3)}`],
    [404, `/api/v1/books/isbn/${DUNE.isbn}%00`],
    [404, `/api/v1/books/isbn/+${DUNE.isbn}`],
    [404, `/api/v1/books/${DUNE.id}%0A`],
    [404, `/api/v1/books/${DUNE.id}%20`],
    [404, "/api/v1/books/%FF"],
    [404, "/api/v1/books/%"],
    [404, "/api/v1/books/..%2Fbooks"],
    [404, "/api/v1/books/..%5Cbooks"],
  ]),
  ...each(
    "method",
    PATHS.flatMap(([path, methods]): Row[] => [
      [204, "OPTIONS", path],
      ...["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "MKCOL", "SEARCH"]
        .filter((method) => !methods.includes(method))
        .map((method): Row => [405, method, path]),
    ]),
  ),
  ...each("method", [
    [405, "DELETE", BOOKS_PATH, { raw: "{}", headers: JSON_TYPE }],
    [405, "DELETE", BOOKS_PATH, { chunks: ["{", "}"], headers: JSON_TYPE }],
    [405, "PUT", "/health?x=1", { raw: "", role: "admin" }],
    [204, "OPTIONS", `${BOOKS_PATH}?limit=0`],
    [204, "OPTIONS", DUNE_PATH, { raw: "body" }],
    [404, "OPTIONS", "/nothing"],
    ...["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"].flatMap((name): Row[] => [
      [200, "GET", DUNE_PATH, { headers: { [name]: "DELETE" } }],
      [405, "POST", DUNE_PATH, { headers: { [name]: "DELETE" } }],
    ]),
  ]),
];

/** HEAD returns the headers of GET, with the length of its body. */
const heads: Case[] = PATHS.filter(([, methods]) => methods.includes("GET")).map(([path]) => ({
  name: `HEAD and GET ${path}`,
  run: async (send) => {
    const [get, head] = [await send(200, "GET", path, { role }), await send(200, "HEAD", path, { role })];
    expect(head.text).toBe("");
    if (get.headers.has("Content-Disposition")) {
      // The length of a stream is unknown.
      expect(head.headers.get("Content-Length")).toBeNull();
      return;
    }
    for (const name of ["Content-Length", "Content-Type", "Cache-Control", "ETag", "Link"]) {
      expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
    }
    expect(head.headers.get("Content-Length")).toBe(String(Buffer.byteLength(get.text)));
  },
}));

/** An unexpected body is ignored, and the connection remains usable. */
const superfluousBodies: Case[] = ["GET", "HEAD"].flatMap((method) =>
  [{ raw: "GET /nothing HTTP/1.1\r\n\r\n" }, { chunks: ["{", "}"] }, { raw: "" }].map((message, at) => ({
    name: `${method} with a body ${at + 1}`,
    run: async (send) => {
      await send(200, method, DUNE_PATH, message);
      await send(200, "GET", "/health");
    },
  })),
);

const GOOD_IDS = ["a", "Az_09-=.", "x".repeat(128), MISSING];
const BAD_IDS = [
  "",
  "x".repeat(129),
  "a b",
  "a/b",
  "a,b",
  "a;b",
  '"a"',
  "\xe9",
  "a\tb",
  ["a", "b"],
  undefined,
];
const requestIds: Case[] = [...GOOD_IDS, ...BAD_IDS].flatMap((id) => {
  const message = { headers: { "X-Request-Id": id } };
  return each(`request id ${JSON.stringify(id)}`, [
    [200, "GET", "/health", message],
    [404, "GET", "/nothing", message],
    [405, "PUT", "/health", message],
    [204, "OPTIONS", "/health", message],
    [401, "POST", BOOKS_PATH, message],
  ]).slice(0, id === undefined ? 5 : 2);
});

const ORIGINS = ["https://shop.example", "http://localhost:3000", "https://any.example", "null", ""];
const cors = each(
  "CORS",
  ORIGINS.flatMap((origin): Row[] => {
    const headers = { Origin: origin };
    const preflight = (method: string, names?: string) => ({
      headers: {
        ...headers,
        "Access-Control-Request-Method": method,
        ...(names !== undefined && { "Access-Control-Request-Headers": names }),
      },
    });
    return [
      [200, "GET", `${BOOKS_PATH}?limit=1`, { headers }],
      [200, "HEAD", DUNE_PATH, { headers }],
      [304, "GET", DUNE_PATH, { headers: { ...headers, "If-None-Match": "*" } }],
      [404, "GET", "/nothing", { headers }],
      [422, "GET", `${BOOKS_PATH}?limit=0`, { headers }],
      [401, "POST", BOOKS_PATH, { headers, body: {} }],
      [422, "POST", BOOKS_PATH, { headers, body: {}, role: "editor" }],
      [204, "OPTIONS", BOOKS_PATH, { headers }],
      [204, "OPTIONS", BOOKS_PATH, preflight("POST", "content-type,authorization")],
      [204, "OPTIONS", DUNE_PATH, preflight("DELETE")],
      [204, "OPTIONS", TASKS_PATH, preflight("GET", "x-other")],
      [404, "OPTIONS", "/nothing", preflight("GET")],
    ];
  }),
);

/** Names and forms of header fields that runtimes may treat differently. */
const fields = each("field", [
  [200, "GET", "/health", { headers: { Host: "api.example" } }],
  [200, "GET", `${BOOKS_PATH}?limit=1`, { headers: { Host: "api.example:8443" } }],
  [200, "GET", `${BOOKS_PATH}?limit=1`, { headers: { Host: "[::1]:80" } }],
  [200, "GET", `${BOOKS_PATH}?limit=1`, { headers: { "X-Forwarded-Host": "evil.example" } }],
  [200, "GET", `${BOOKS_PATH}?limit=1`, { headers: { "X-Forwarded-Proto": "https", Forwarded: "for=1" } }],
  [200, "GET", "/health", { headers: { Accept: "text/html" } }],
  [200, "GET", "/health", { headers: { Accept: "image/png, */*;q=0" } }],
  [200, "GET", "/health", { headers: { Cookie: ["a=1", "b=2"] } }],
  [200, "GET", DUNE_PATH, { headers: { Range: "bytes=0-9" } }],
  [200, "GET", DUNE_PATH, { headers: { "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT" } }],
  [200, "GET", DUNE_PATH, { headers: { "If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT" } }],
  [200, "GET", DUNE_PATH, { headers: { "If-Range": '"x"', Range: "bytes=0-0" } }],
  [200, "GET", DUNE_PATH, { headers: { "Cache-Control": "only-if-cached", Pragma: "no-cache" } }],
  [200, "GET", "/health", { headers: { "X-Long": "x".repeat(8000) } }],
  [200, "GET", "/health", { headers: { "X-Latin": "\xe9\xff" } }],
  [200, "GET", "/health", { headers: { "User-Agent": undefined } }],
  [200, "GET", "/health", { headers: Object.fromEntries(names("X-Many", 60)) }],
  [200, "GET", `${BOOKS_PATH}/${ZOO.id.toUpperCase()}`],
  [200, "GET", `${BOOKS_PATH}?limit=1`, { headers: { "Content-Type": "text/plain" } }],
]);

function names(prefix: string, count: number): [string, string][] {
  return Array.from({ length: count }, (_, at) => [`${prefix}-${at}`, "x"]);
}

export const routerCases = [
  ...service,
  ...router,
  ...heads,
  ...superfluousBodies,
  ...requestIds,
  ...cors,
  ...fields,
];
