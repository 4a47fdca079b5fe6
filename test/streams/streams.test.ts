/** Streamed requests and responses on every runtime: how they end, and how they end early. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer, type TestServer } from "../support/servers.ts";
import { bundleStreamingApp } from "./bundle.ts";

const MIB = 1024 * 1024;
const NDJSON = { "Content-Type": "application/x-ndjson" };
const CHUNKED = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n";

let database: TestDatabase;
let bundles: string;

beforeAll(async () => {
  [database, bundles] = await Promise.all([createTestDatabase(), bundleStreamingApp()]);
});

describe.each(RUNTIMES)("%s", (runtime) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer(runtime, database, { REQUEST_TIMEOUT_MS: "1000" }, bundles);
  });

  const request = (path: string, init?: RequestInit) => fetch(server.url + path, init);
  const send = (path: string, body: BodyInit, headers: Record<string, string> = NDJSON) =>
    request(path, { method: "POST", body, headers, duplex: "half" } as RequestInit);
  const source = async (name: string) => (await request(`/sources/${name}`)).json();
  const linesOf = (text: string) => text.trimEnd().split("\n");

  /** Opens a paused connection that sends a text. */
  async function open(text: string): Promise<Socket> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname).on("error", () => {});
    await once(socket, "connect");
    socket.write(text);
    return socket;
  }

  /** Resolves when a connection closes, with or without an error. */
  const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));

  /** Everything that a connection receives before it closes. */
  async function received(socket: Socket): Promise<string> {
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk) => {
      text += chunk;
    });
    await closed(socket);
    return text;
  }

  /** The log event of a request, by its route. */
  const eventOf = (route: string, id: string) =>
    server
      .logs()
      .map((line) => line.startsWith("{") && JSON.parse(line))
      .find((event) => event.route === route && event.request_id === id);

  const get = (path: string, id: string) =>
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: ${id}\r\n\r\n`;

  test("a client that disconnects during a stream cancels the source", async () => {
    const socket = await open(get("/endless/leaves", "leaves"));
    await once(socket, "data");
    expect(eventOf("/endless/:name", "leaves")).toBeUndefined();
    socket.destroy();
    await expect.poll(() => source("leaves")).toMatchObject({ cancelled: true, aborted: true });
    await expect
      .poll(() => eventOf("/endless/:name", "leaves"))
      .toMatchObject({ status: 200, client_gone: true });
  });

  test("a silent source is cancelled after the timeout, and the stream ends with a problem", async () => {
    const text = await (await request("/endless/silent")).text();
    expect(JSON.parse(linesOf(text).at(-1) ?? "")).toMatchObject({ status: 500, error: "internal_error" });
    await expect.poll(() => source("silent")).toMatchObject({ cancelled: true, aborted: true });
  });

  test("a client that stops reading pauses the source, and is disconnected after the timeout", async () => {
    const socket = await open(get("/endless/stalls", "stalls"));
    await expect
      .poll(() => source("stalls"), { timeout: 10_000 })
      .toMatchObject({ cancelled: true, aborted: true });
    // The buffers are full. Without backpressure, the source would continue forever.
    expect((await source("stalls")).produced).toBeLessThan(1000);
    await expect
      .poll(() => eventOf("/endless/:name", "stalls"))
      .toMatchObject({ status: 200, client_gone: true });
    // The server has closed the connection.
    await closed(socket.resume());
  });

  test("a failing NDJSON stream ends with a problem on a line of its own", async () => {
    const response = await request("/failing/ndjson", { headers: { "X-Request-Id": "fails-lines" } });
    const text = await response.text();
    const [first, broken, problem = "", ...rest] = linesOf(text);
    expect([response.status, first, broken, rest]).toEqual([200, '{"row":1}', '{"ro', []]);
    expect(JSON.parse(problem)).toMatchObject({ status: 500, error: "internal_error" });
    expect(text).not.toContain("hidden");
    await expect
      .poll(() => eventOf("/failing/:type", "fails-lines"))
      .toMatchObject({ level: "error", status: 200, problem: "internal_error", error: { name: "Error" } });
  });

  test("a failing stream of another type breaks the connection", async () => {
    const text = await received(await open(get("/failing/csv", "fails-csv")));
    expect(text).toContain('{"row":1}');
    expect(text).not.toMatch(/\r\n0\r\n|hidden|Error/);
    await expect
      .poll(() => eventOf("/failing/:type", "fails-csv"))
      .toMatchObject({ level: "error", problem: "internal_error" });
  });

  test("a streamed body is read to its end, compressed or not", async () => {
    const body = Buffer.alloc(2 * MIB, "a\n");
    expect(await (await send("/count", body)).json()).toEqual({ bytes: 2 * MIB });
    const gzip = { ...NDJSON, "Content-Encoding": "gzip" };
    expect(await (await send("/count", gzipSync(body), gzip)).json()).toEqual({ bytes: 2 * MIB });
    const cut = await send("/count", gzipSync(body).subarray(0, -20), gzip);
    expect([cut.status, (await cut.json()).error]).toEqual([415, "unsupported_media_type"]);
  });

  test("a 415 names the media types and the coding that the route accepts", async () => {
    const messages = [
      await send("/count", "a", { "Content-Type": "text/plain" }),
      await send("/count", "a", { ...NDJSON, "Content-Encoding": "br" }),
      await send("/small", "1", { "Content-Type": "application/json", "Content-Encoding": "gzip" }),
    ].map(async (response) => (await response.json()).message);
    expect(await Promise.all(messages)).toEqual([
      "The Content-Type of the body must be application/x-ndjson or text/csv.",
      "The body must not have a Content-Encoding other than gzip.",
      "The body must not have a Content-Encoding.",
    ]);
  });

  test("a body above its route's limit returns 413, with or without Content-Length", async () => {
    const body = Buffer.alloc(2 * MIB + 1, "a\n");
    const gzip = { ...NDJSON, "Content-Encoding": "gzip" };
    const responses = [
      await send("/count", body),
      await send("/count", new Blob([body]).stream() as ReadableStream),
      await send("/count", gzipSync(body), gzip),
      await send("/small", '"123456789"', { "Content-Type": "application/json" }),
    ];
    for (const response of responses) {
      expect([response.status, (await response.json()).error]).toEqual([413, "payload_too_large"]);
    }
  });

  test("a body above the limit adds a problem line once the response has begun", async () => {
    const body = new Blob([Buffer.alloc(2 * MIB + 1, "a\n")]).stream();
    const response = await send("/echo", body as ReadableStream, {
      ...NDJSON,
      "X-Request-Id": "echoes",
    });
    const lines = linesOf(await response.text());
    expect(response.status).toBe(200);
    expect(JSON.parse(lines[0] ?? "")).toHaveProperty("bytes");
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ status: 413, error: "payload_too_large" });
    await expect
      .poll(() => eventOf("/echo", "echoes"))
      .toMatchObject({ level: "warn", problem: "payload_too_large" });
  });

  test("a stalled body returns 408, or adds a problem line once the response has begun", async () => {
    const post = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${CHUNKED}\r\n1\r\na\r\n`;
    const [counted, echoed] = await Promise.all([
      open(post("/count")).then(received),
      open(post("/echo")).then(received),
    ]);
    expect(counted).toMatch(/^HTTP\/1\.1 408 /);
    expect(echoed).toMatch(/^HTTP\/1\.1 200 .*\{"bytes":1\}.*"error":"request_timeout"/s);
  });

  test("a stalled body ends at its route's own deadline", async () => {
    const text = await received(
      await open(
        "POST /small HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n1",
      ),
    );
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("a route without idempotency rejects Idempotency-Key", async () => {
    const response = await send("/count", "a", { ...NDJSON, "Idempotency-Key": "k" });
    expect([response.status, (await response.json()).error]).toEqual([400, "invalid_header"]);
  });

  test("HEAD of a streaming route returns at once, without a body", async () => {
    const response = await request("/endless/head", { method: "HEAD" });
    expect(response.status).toBe(200);
    await expect.poll(() => source("head")).toMatchObject({ cancelled: true, aborted: true });
  });
});
