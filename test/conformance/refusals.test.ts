/** Requests that runtimes reject or change before the app sees them, sent as bytes. See docs/runtimes.md. */
import { connect } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, type Runtime, startServer } from "../support/servers.ts";
import { startWrangler } from "../support/worker.ts";
import { DUNE, RESET, token, VARIABLES } from "./fixtures.ts";

const servers = {} as Record<Runtime, string>;

beforeAll(async () => {
  await Promise.all(
    RUNTIMES.map(async (runtime) => {
      const database = await createTestDatabase();
      await database.sql(RESET);
      const variables = { ...VARIABLES, REQUEST_TIMEOUT_MS: "1000" };
      const starting =
        runtime === "workerd"
          ? startWrangler(database, variables)
          : startServer(runtime, database, variables);
      servers[runtime] = (await starting).url;
    }),
  );
});

/** Sends bytes, one per character, and returns everything received before the server closed the connection. */
function converse(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).setEncoding("latin1").setTimeout(20_000);
    let received = "";
    socket.on("data", (text) => {
      received += text;
    });
    socket.on("timeout", () => socket.destroy(new Error(`still open after ${received}`)));
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
    socket.write(bytes, "latin1");
  });
}

/** The responses in short: the status of each, with `app` if it is the app's; `nothing` if there are none. */
function outcome(received: string): string {
  const answers = received.split(/(?=HTTP\/1\.[01] \d{3} )/).filter((answer) => answer !== "");
  const short = answers.map((answer) => {
    const status = answer.match(/^HTTP\/1\.[01] (\d{3}) /)?.[1] ?? answer;
    return /^X-Request-Id:/im.test(answer) ? `app ${status}` : status;
  });
  return short.join(", ") || "nothing";
}

const lines = (...texts: string[]) => [...texts, "", ""].join("\r\n");
const HOST = "Host: api.example";
const CLOSE = "Connection: close";

/** A request for /health, with an optional request line and additional fields. */
const get = (line = "GET /health HTTP/1.1", ...fields: string[]) => lines(line, HOST, CLOSE, ...fields);
const target = (text: string) => get(`GET ${text} HTTP/1.1`);
const method = (text: string) => get(`${text} /health HTTP/1.1`);
const field = (text: string) => get(undefined, text);
const host = (...texts: string[]) =>
  lines("GET /health HTTP/1.1", ...texts.map((text) => `Host: ${text}`), CLOSE);
const conditional = (...fields: string[]) => get(`GET /api/v1/books/${DUNE.id} HTTP/1.1`, ...fields);

const TASK = '{"title":"Dust"}';
const CHUNKED = "Transfer-Encoding: chunked";
const IN_CHUNKS = `10\r\n${TASK}\r\n0\r\n\r\n`;

const post = (body: string, ...fields: string[]) =>
  lines(
    "POST /api/v1/tasks HTTP/1.1",
    HOST,
    `Authorization: Bearer ${token({ roles: ["clerk"] })}`,
    "Content-Type: application/json",
    ...fields,
  ) + body;
/** The same, followed by another request, which a server answers if it agrees where the body ends. */
const followed = (body: string, ...fields: string[]) => post(body, ...fields) + get("GET /next HTTP/1.1");

/** The outcome on all runtimes, or on workerd, Node and Bun; undefined if it varies. */
type Expected = [all: string] | [workerd: string, node: string | undefined, bun: string | undefined];

const REQUESTS: Record<string, [bytes: string, ...Expected]> = {
  "a line without a target": ["GET\r\n\r\n", "400"],
  "a line of one word": ["GARBAGE\r\n\r\n", "400"],
  "a line with a word more": [get("GET /health HTTP/1.1 x"), "400", "400", "505"],
  "a line behind an empty one": [`\r\n${get()}`, "app 200", "app 200", "400"],
  "lines that end in LF": [get().replaceAll("\r\n", "\n"), "app 200", "400", "505"],
  "the beginning of TLS": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0\r\n\r\n", "400"],
  "HTTP/0.9": ["GET /health\r\n\r\n", "400", "400", "505"],
  "HTTP/1.0": [lines("GET /health HTTP/1.0", HOST), "app 200"],
  "HTTP/1.0 without Host": [lines("GET /health HTTP/1.0"), "400", "400", "app 400"],
  "HTTP/1.2": [get("GET /health HTTP/1.2"), "400", "400", "505"],
  "HTTP/2 without TLS": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "nothing", "400", "400"],
  TRACE: [method("TRACE"), "app 405"],
  QUERY: [method("QUERY"), "app 405"],
  CONNECT: [lines("CONNECT api.example:443 HTTP/1.1", HOST, CLOSE), "500", "nothing", "app 404"],
  "an unknown method": [method("FOO"), "501", "400", "nothing"],
  "a method in lower case": [method("get"), "501", "400", "nothing"],
  "a method with a NUL in it": [method("G\0T"), "400", "400", "505"],
  "a whole URL as target": [target("http://api.example/health"), "app 200"],
  "a whole URL of another host": [target("http://other.example/health"), "app 200"],
  "a user's name in the target": [
    target("http://user:password@api.example/health"),
    "app 200",
    "app 400",
    "app 200",
  ],
  "* as target": [get("OPTIONS * HTTP/1.1"), "500", "400", "400"],
  "a target without a slash": [target("health"), "app 200", "400", "400"],
  "a target in UTF-8": [target("/\xc3\xa9"), "app 404", "400", "app 404"],
  "a target in Latin-1": [target("/\xe9"), "400", "400", "app 404"],
  "a target with a NUL": [target("/a\0b"), "400", "400", "505"],
  "a target with a control": [target("/a\x01b"), "400", "400", "505"],
  "a target with a space": [target("/a b"), "400", "400", "505"],
  "a target with <": [target("/<"), "400", "app 404", "app 404"],
  "a target with `": [target("/`"), "400", "app 404", "app 404"],
  'a query with "': [target('/health?"'), "400", "app 422", "app 422"],
  "a query with the rest": [target("/health?#'`{}|\\^[]"), "app 200"],
  "a target with a backslash": [target("/x\\..\\health"), "app 200", "400", "app 200"],
  "a target with a fragment": [target("/health#x"), "app 200"],
  "a target of 16,000 bytes": [target(`/${"a".repeat(15_999)}`), "app 404"],
  "a target of 17,000 bytes": [target(`/${"a".repeat(16_999)}`), "app 404", "431", "431"],
  "a target of 70,000 bytes": [target(`/${"a".repeat(69_999)}`), "414", undefined, undefined],
  "no Host": [host(), "400"],
  "an empty Host": [host(""), "400", "400", "app 400"],
  "two Hosts": [host("a.example", "b.example"), "500", "app 400", "app 400"],
  "the same Host twice": [host("a.example", "a.example"), "500", "app 400", "app 400"],
  "two names in Host": [host("a.example, b.example"), "500", "400", "app 400"],
  "a Host with a space": [host("a b"), "500", "400", "app 400"],
  "a Host with a path": [host("a.example/health?"), "app 422", "400", "app 400"],
  "a Host with a user's name": [host("user@a.example"), "app 200", "400", "app 400"],
  "a Host with half an address": [host("[::1"), "500", "400", "app 400"],
  "a Host with half an address of digits": [host("1.2.3.4.5"), "500", "app 400", "app 400"],
  "a Host with a port too large": [host("a.example:65536"), "500", "400", "app 400"],
  "a Host with a port in words": [host("a.example:http"), "500", "400", "app 400"],
  "a Host in upper case, with a port": [host("API.EXAMPLE:8080"), "app 200"],
  "an address as Host": [host("[::1]:8080"), "app 200"],
  "a field without a colon": [field("X-A"), "400"],
  "a field without a name": [field(": a"), "400"],
  "a field with a space before its colon": [field("X-A : a"), "400"],
  "a field name with a space": [field("X A: a"), "400"],
  "a field folded into two lines": [field("X-A: a\r\n b"), "400"],
  "a field with a NUL": [field("X-A: a\0b"), "400"],
  "a field with a control": [field("X-A: a\x01b"), "app 200", "400", "400"],
  "a field with DEL": [field("X-A: a\x7fb"), "app 200", "400", "app 200"],
  "a field with CR": [field("X-A: a\rb"), "400"],
  "a field that ends in LF": [field("X-A: a\nX-B: b"), "app 200", "400", "400"],
  "a field in Latin-1": [field("X-A: \xe9"), "app 200"],
  "a field of 15,000 bytes": [field(`X-A: ${"a".repeat(15_000)}`), "app 200"],
  "a field of 17,000 bytes": [field(`X-A: ${"a".repeat(17_000)}`), "app 200", "431", "431"],
  "a field of 600,000 bytes": [field(`X-A: ${"a".repeat(600_000)}`), "431", undefined, undefined],
  "150 fields": [get(undefined, ...Array(150).fill("X-A: a")), "app 200"],
  "250 fields": [get(undefined, ...Array(250).fill("X-A: a")), "app 200", "app 200", "431"],
  "1,100 fields": [get(undefined, ...Array(1_100).fill("X-A: a")), "app 200", "431", "431"],
  "an empty If-Match": [conditional("If-Match:"), "app 200", "app 400", "app 400"],
  "an If-Match behind 150 fields": [conditional(...Array(150).fill("X-A: a"), 'If-Match: "x"'), "app 412"],
  "an If-Match that Connection names": [
    conditional('If-Match: "x"').replace("close", "close, If-Match"),
    "app 412",
  ],
  "an upgrade to WebSocket": [
    get(
      undefined,
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ).replace("close", "close, Upgrade"),
    "app 200",
  ],
  "an upgrade to HTTP/2": [
    get(undefined, "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA").replace(
      "close",
      "close, Upgrade, HTTP2-Settings",
    ),
    "app 200",
  ],
  "an expectation that nobody knows": [field("Expect: 200-ok"), "app 200", "417", "app 200"],
  "Expect: 100-continue": [post(TASK, "Content-Length: 16", "Expect: 100-continue", CLOSE), "100, app 201"],
  "Expect: 100-Continue": [
    post(TASK, "Content-Length: 16", "Expect: 100-Continue", CLOSE),
    "100, app 201",
    "100, app 201",
    "app 201",
  ],
  "Expect: 100-continue without a token": [
    lines("POST /api/v1/tasks HTTP/1.1", HOST, "Content-Length: 2", "Expect: 100-continue", CLOSE).concat(
      "{}",
    ),
    "100, app 401",
  ],
  "a Content-Length that is no number": [followed(TASK, "Content-Length: x"), "400"],
  "a Content-Length with a sign": [followed(TASK, "Content-Length: +16"), "400"],
  "a Content-Length below 0": [followed(TASK, "Content-Length: -16"), "400"],
  "a Content-Length in hexadecimal": [followed(TASK, "Content-Length: 0x10"), "400"],
  "a Content-Length that is a list": [followed(TASK, "Content-Length: 16, 16"), "400"],
  "an empty Content-Length": [followed(TASK, "Content-Length:"), "400"],
  "a Content-Length beyond all numbers": [followed(TASK, "Content-Length: 99999999999999999999"), "400"],
  "two Content-Lengths": [followed(TASK, "Content-Length: 16", "Content-Length: 17"), "400"],
  "the same Content-Length twice": [
    followed(TASK, "Content-Length: 16", "Content-Length: 16"),
    "app 201, app 404",
    "400",
    "nothing",
  ],
  "Content-Length and chunks": [followed(IN_CHUNKS, "Content-Length: 6", CHUNKED), "app 201", "400", "400"],
  "chunks and Content-Length": [followed(IN_CHUNKS, CHUNKED, "Content-Length: 6"), "app 201", "400", "400"],
  "chunks in HTTP/1.0": [post(IN_CHUNKS, CHUNKED).replace("HTTP/1.1", "HTTP/1.0"), "400", "app 201", "400"],
  "chunks that are announced twice": [
    followed(IN_CHUNKS, CHUNKED, CHUNKED),
    "app 201, app 404",
    "400",
    "400",
  ],
  "chunks with a space before the colon": [followed(IN_CHUNKS, "Transfer-Encoding : chunked"), "400"],
  "chunks by another name": [followed(IN_CHUNKS, "Transfer-Encoding: xchunked"), "400"],
  "chunks in quotes": [followed(IN_CHUNKS, 'Transfer-Encoding: "chunked"'), "400"],
  "chunks behind a control": [followed(IN_CHUNKS, "Transfer-Encoding: \x0bchunked"), "400"],
  "chunks, then another coding": [followed(IN_CHUNKS, "Transfer-Encoding: chunked, gzip"), "400"],
  "the coding that is none": [followed(IN_CHUNKS, "Transfer-Encoding: identity"), "400"],
  "an empty coding": [followed(IN_CHUNKS, "Transfer-Encoding:"), "400"],
  "a chunk whose size is no number": [post(`zz\r\n${TASK}\r\n0\r\n\r\n`, CHUNKED), "500", "400", "400"],
  "a chunk whose size has a sign": [post(`-1\r\n${TASK}\r\n0\r\n\r\n`, CHUNKED), "500", "400", "400"],
  "a chunk whose size begins with 0x": [post(`0x10\r\n${TASK}\r\n0\r\n\r\n`, CHUNKED), "500", "400", "400"],
  "a chunk that goes on behind its end": [post(`10\r\n${TASK}0\r\n\r\n`, CHUNKED), "500", "400", "400"],
  "chunks whose lines end in LF": [post(IN_CHUNKS.replaceAll("\r", ""), CHUNKED), "500", "400", "400"],
  "a chunk with an extension": [post(`10;a=b\r\n${TASK}\r\n0\r\n\r\n`, CHUNKED, CLOSE), "app 201"],
  "chunks with a trailer": [
    post(`10\r\n${TASK}\r\n0\r\nX-A: a\r\n\r\n`, CHUNKED, CLOSE),
    "app 201",
    "app 201",
    "400",
  ],
  "no length at all": [post("", CLOSE), "app 400"],
  "a body that stalls": [post("{", "Content-Length: 16", CLOSE), "app 408"],
  "chunks that stall": [post("1\r\n{", CHUNKED, CLOSE), "app 408"],
  "a Content-Length of 150 MB": [post("{", "Content-Length: 150000000", CLOSE), "app 413"],
  "a body behind no length": [post(TASK), "app 400, 400", "400", "app 400, 400"],
  "two requests at once": [`${get().replace(CLOSE, "X-A: a")}${get()}`, "app 200, app 200"],
  "a second request while the first is at work": [
    followed(TASK, "Content-Length: 16"),
    "app 201, app 404",
    "app 201, app 404",
    "nothing",
  ],
  "a second request behind chunks": [
    followed(IN_CHUNKS, CHUNKED),
    "app 201, app 404",
    "app 201, app 404",
    "nothing",
  ],
  "a second request behind a GET with a body": [
    get(undefined, "Content-Length: 16").replace(CLOSE, "X-A: a") + TASK + get(),
    "app 200, app 200",
  ],
};

describe.concurrent.each(RUNTIMES)("%s", (runtime) => {
  const rows = Object.entries(REQUESTS).flatMap(([name, [bytes, ...expected]]) => {
    const result = expected.length === 1 ? expected[0] : expected[RUNTIMES.indexOf(runtime)];
    return result === undefined ? [] : [[name, result, bytes] as const];
  });

  test.each(rows)("a raw request with %s has the outcome: %s", async (_, result, bytes) => {
    expect(outcome(await converse(servers[runtime], bytes))).toBe(result);
  });

  test("only wrangler dev compresses responses", async () => {
    const received = await converse(servers[runtime], conditional("Accept-Encoding: gzip"));
    const [, encoding] = received.match(/^Content-Encoding: (.*)\r$/im) ?? [];
    // Despite Cache-Control: no-transform.
    expect(encoding).toBe(runtime === "workerd" ? "gzip" : undefined);
  });
});
