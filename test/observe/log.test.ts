/** The log on every runtime: what the event of a request says, at which level, and about whom. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { launchServer, RUNTIMES, type Runtime, startServer, type Variables } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});

/** Starts a server, and gives what a request logs. */
async function logging(runtime: Runtime, variables: Variables = {}) {
  const server = await startServer(runtime, database, { AUTH_SECRET: SECRET, ...variables });
  return {
    url: server.url,
    async eventOf(method: string, path: string, options: RequestInit = {}) {
      const id = crypto.randomUUID();
      const headers = { "X-Request-Id": id, "Accept-Encoding": "identity", ...options.headers };
      const response = await fetch(server.url + path, { ...options, method, headers });
      const text = await response.text();
      const line = () => server.logs().find((line) => line.includes(id));
      await expect.poll(line).toBeDefined();
      return { text, headers: response.headers, event: JSON.parse(line() ?? "") };
    },
    logs: server.logs,
  };
}

describe.each(RUNTIMES)("%s", (runtime) => {
  test("the event of a write says who did what to which book, how much, and for how long", async () => {
    const server = await logging(runtime);
    const editor = { Authorization: `Bearer ${await tokenFor("editor", "zoë@shop.example")}` };
    const api = await createClient(server.url);
    const { id, isbn } = (await api("POST", "/api/v1/books", { body: newBook(), headers: editor })).json;
    const body = '{"title":"Zwölf"}';
    const { text, event } = await server.eventOf("PATCH", `/api/v1/books/${id}`, {
      body,
      headers: { ...editor, "Content-Type": "application/json", traceparent: TRACEPARENT },
    });
    expect(event).toEqual({
      event: "request",
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      request_id: expect.any(String),
      method: "PATCH",
      route: "/api/v1/books/:id",
      resource: id,
      status: 200,
      duration_ms: expect.any(Number),
      db_ms: expect.any(Number),
      db_wait_ms: expect.any(Number),
      db_round_trips: 1,
      bytes_in: Buffer.byteLength(body),
      bytes_out: Buffer.byteLength(text),
      client: "127.0.0.1",
      role: "editor",
      subject: createHash("sha256").update("zoë@shop.example").digest("hex").slice(0, 16),
      trace_id: TRACE,
      span_id: SPAN,
    });
    expect(event.db_ms).toBeGreaterThan(0);
    expect(event.db_ms + event.db_wait_ms).toBeLessThanOrEqual(event.duration_ms + 0.02);

    for (const path of [`/api/v1/books/isbn/${isbn}`, `/books/${isbn}-zwoelf`]) {
      expect((await server.eventOf("GET", path)).event.resource).toBe(isbn);
    }
    const head = await server.eventOf("HEAD", `/api/v1/books/${id}`);
    expect(head.event).toMatchObject({ status: 200, bytes_out: 0, resource: id });
  });

  test("LOG_LEVEL=debug logs probes, and LOG_SUBJECT=plain names subjects", async () => {
    const server = await logging(runtime, { LOG_LEVEL: "debug", LOG_SUBJECT: "plain" });
    for (const path of ["/health", "/ready"]) {
      expect((await server.eventOf("GET", path)).event).toMatchObject({ level: "debug", status: 200 });
    }
    const Authorization = `Bearer ${await tokenFor("clerk", "zoë")}`;
    const { event } = await server.eventOf("GET", "/api/v1/tasks", { headers: { Authorization } });
    expect(event).toMatchObject({ level: "info", subject: "zoë" });
  });

  test("by default probes are not logged, and LOG_LEVEL=warn logs only what went wrong", async () => {
    const [standard, quiet] = [await logging(runtime), await logging(runtime, { LOG_LEVEL: "warn" })];
    for (const { url, eventOf, logs } of [standard, quiet]) {
      await (await fetch(`${url}/health`)).text();
      await (await fetch(`${url}/api/v1/books?limit=1`)).text();
      expect((await eventOf("GET", "/nowhere")).event).toMatchObject({ level: "warn", problem: "not_found" });
      expect(logs().some((line) => line.includes('"/health"'))).toBe(false);
    }
    expect(standard.logs().some((line) => line.includes('"/api/v1/books"'))).toBe(true);
    expect(quiet.logs()).toHaveLength(1);
  });

  test("a traceparent that is not valid is ignored", async () => {
    const server = await logging(runtime);
    for (const traceparent of [
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `${TRACEPARENT}, ${TRACEPARENT}`,
      TRACEPARENT.toUpperCase(),
      "MARK",
      "a".repeat(5000),
    ]) {
      const { event } = await server.eventOf("GET", "/api/v1/books?limit=1", { headers: { traceparent } });
      expect(event, traceparent).toMatchObject({ status: 200 });
      expect(event, traceparent).not.toHaveProperty("trace_id");
    }
    const later = { traceparent: `01-${TRACE}-${SPAN}-00-more` };
    const { event } = await server.eventOf("GET", "/api/v1/books?limit=1", { headers: later });
    expect(event, "a later version").toMatchObject({ trace_id: TRACE, span_id: SPAN });
  });

  test("Server-Timing tells an admin what the database took, and nobody else", async () => {
    const server = await logging(runtime);
    const timingFor = async (headers: Record<string, string>, path = "/api/v1/tasks") =>
      (await server.eventOf("GET", path, { headers })).headers.get("Server-Timing");
    const bearer = async (role: "clerk" | "admin") => ({ Authorization: `Bearer ${await tokenFor(role)}` });
    expect(await timingFor(await bearer("admin"))).toMatch(/^db;dur=[\d.]+, wait;dur=[\d.]+$/);
    for (const headers of [{}, await bearer("clerk")]) expect(await timingFor(headers)).toBeNull();
    expect(await timingFor(await bearer("admin"), "/api/v1/books")).toBeNull();
  });
});

test("on the open development server, Server-Timing is public", async () => {
  const server = await startServer("workerd", database, { OPEN_LOCAL_WRITES: "true" });
  const response = await fetch(`${server.url}/api/v1/books?limit=1`);
  expect(response.headers.get("Server-Timing")).toMatch(/^db;dur=/);
});

describe.each(["node", "bun"] as const)("%s", (runtime) => {
  test("the start and the stop of a server are events", async () => {
    const server = launchServer(runtime, { DATABASE_URL: database.url, AUTH_SECRET: SECRET });
    const url = await server.url;
    await (await fetch(`${url}/nowhere`)).text();
    await server.end("SIGTERM");
    const events = server.output().trim().split("\n");
    expect(events.map((line) => JSON.parse(line))).toEqual([
      {
        event: "start",
        level: "info",
        time: expect.any(String),
        runtime: expect.stringMatching(/^(Node|Bun) \d/),
        address: url,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      },
      expect.objectContaining({ event: "request", route: "unknown" }),
      {
        event: "stop",
        level: "info",
        time: expect.any(String),
        signal: "SIGTERM",
        uptime_ms: expect.any(Number),
      },
    ]);
  });

  test("LOG_FORMAT=text is for people", async () => {
    const server = launchServer(runtime, { DATABASE_URL: database.url, LOG_FORMAT: "text", NO_COLOR: "1" });
    await (await fetch(`${await server.url}/nowhere`)).text();
    await server.end("SIGINT");
    expect(server.output()).toMatch(
      /^404 GET {4}unknown [\d.]+ ms not_found\nOctavo stopped after SIGINT\.\n$/,
    );
  });
});
