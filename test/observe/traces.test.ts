/** Traces on every runtime: spans that a collector gets, contexts that are taken up and passed on, and collectors that fail. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { type CollectedSpan, type Collector, startCollector } from "../support/collector.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { RUNTIMES, startServer, type TestServer, type Variables } from "../support/servers.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const from = (flags: string) => ({ traceparent: `00-${TRACE}-${CALLER}-${flags}`, tracestate: "vendor=1" });
const BOOKS = "/api/v1/books?limit=1&count=exact";
const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});

describe.each(RUNTIMES)("%s", (runtime) => {
  const tracing = ({ url }: Collector, variables: Variables = {}) =>
    startServer(runtime, database, { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...variables });

  const ask = async ({ url }: TestServer, path: string, headers: Record<string, string> = {}) =>
    (await fetch(url + path, { headers })).text();

  /** The spans of the first request whose route is this. */
  async function spansOf({ spans }: Collector, route: string): Promise<CollectedSpan[]> {
    const find = () => spans.find(({ kind, name }) => kind === SERVER && name === `GET ${route}`);
    await expect.poll(find, { timeout: 10_000 }).toBeDefined();
    return spans.filter(({ traceId }) => traceId === find()?.traceId);
  }

  test("a request becomes a span, with spans of the database and of waiting for it", async () => {
    const collector = await startCollector();
    const server = await tracing(collector, {
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%20secret, other=2",
      OTEL_SERVICE_NAME: "shop",
    });
    await ask(server, BOOKS);
    const [request, ...below] = await spansOf(collector, "/api/v1/books");
    expect(request).toMatchObject({
      kind: SERVER,
      traceId: expect.stringMatching(/^[\da-f]{32}$/),
      spanId: expect.stringMatching(/^[\da-f]{16}$/),
      service: "shop",
      attributes: {
        "http.request.method": "GET",
        "http.route": "/api/v1/books",
        "http.response.status_code": 200,
      },
    });
    expect(request?.parentSpanId ?? "").toBe("");
    const names = runtime === "workerd" ? ["database"] : ["wait", "database"];
    expect(below.map(({ name }) => name)).toEqual(names);
    const database = below.find(({ kind }) => kind === CLIENT) as CollectedSpan;
    expect(database.attributes).toEqual({ "db.system.name": "postgresql" });
    if (runtime !== "workerd")
      expect(below[0]).toMatchObject({ kind: INTERNAL, attributes: { "octavo.lane": "searches" } });
    const moments = [request, ...below, database, request].map((span, at) =>
      BigInt((at <= below.length ? span?.startTimeUnixNano : span?.endTimeUnixNano) ?? 0),
    );
    expect(moments).toEqual([...moments].sort((a, b) => (a < b ? -1 : 1)));
    expect(Math.abs(Date.now() - Number(moments[0]) / 1e6)).toBeLessThan(60_000);
    for (const { parentSpanId } of below) expect(parentSpanId).toBe(request?.spanId);
    expect(collector.requests[0]).toMatchObject({ "api-key": "a secret", other: "2" });
    const [logged] = server.logs().filter((line) => line.includes('"/api/v1/books"'));
    expect(JSON.parse(logged ?? "")).toMatchObject({ trace_id: request?.traceId, span_id: request?.spanId });
  });

  test("the trace of the caller goes on, if the caller records it", async () => {
    const collector = await startCollector();
    const server = await tracing(collector);
    await ask(server, BOOKS, from("00"));
    await ask(server, "/nowhere", from("01"));
    const [request] = await spansOf(collector, "unknown");
    expect(request).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, traceState: "vendor=1" });
    expect(request?.attributes).toMatchObject({ "error.type": "not_found" });
    expect(request?.status.code ?? 0).not.toBe(ERROR);
    expect(collector.spans).toHaveLength(1);
  });

  test("OTEL_TRACES_SAMPLER_ARG=0 records only the traces of callers that do", async () => {
    const collector = await startCollector();
    const server = await tracing(collector, { OTEL_TRACES_SAMPLER_ARG: "0" });
    for (let count = 0; count < 5; count++) await ask(server, BOOKS);
    await ask(server, "/nowhere", from("01"));
    await spansOf(collector, "unknown");
    expect(collector.spans).toHaveLength(1);
  });

  test("no request waits for a collector that hangs, and none fails with one that is away", async () => {
    const hanging = await startCollector({ hangs: true });
    for (const url of [hanging.url, "http://127.0.0.1:9"]) {
      const server = await tracing({ ...hanging, url });
      await ask(server, BOOKS);
      const started = performance.now();
      for (let count = 0; count < 20; count++) {
        const response = await fetch(`${server.url}/api/v1/books?limit=1`);
        expect(response.status).toBe(200);
        await response.text();
      }
      expect(performance.now() - started).toBeLessThan(3000);
      if (url === hanging.url)
        await expect.poll(() => hanging.requests.length, { timeout: 10_000 }).toBeGreaterThan(0);
    }
  });

  test("without a collector, nothing is sent, and the log has the ids of the caller", async () => {
    const server = await startServer(runtime, database);
    await ask(server, "/nowhere", from("01"));
    const logged = () => server.logs().find((line) => line.includes('"unknown"'));
    await expect.poll(logged).toBeDefined();
    expect(JSON.parse(logged() ?? "")).toMatchObject({ trace_id: TRACE, span_id: CALLER });
  });
});

test("a Worker passes the trace on to Neon", async () => {
  const passed: unknown[] = [];
  const relay = createServer(async (request, response) => {
    passed.push([request.headers.traceparent, request.headers.tracestate]);
    const { host: _, ...headers } = request.headers as Record<string, string>;
    const answer = await fetch(inject("neon"), {
      method: "POST",
      headers: { ...headers, connection: "close" },
      body: (await request.toArray()).join(""),
    });
    response.writeHead(answer.status, { "Content-Type": "application/json" }).end(await answer.text());
  });
  await new Promise<void>((listening) => relay.listen(0, "127.0.0.1", listening));
  atEnd(async () => {
    relay.close();
  });
  const NEON_FETCH_ENDPOINT = `http://127.0.0.1:${(relay.address() as AddressInfo).port}/sql`;
  const collector = await startCollector();
  const untraced = await startServer("workerd", database, { NEON_FETCH_ENDPOINT });
  const traced = await startServer("workerd", database, {
    NEON_FETCH_ENDPOINT,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  });
  for (const { url } of [untraced, traced]) {
    expect((await fetch(`${url}${BOOKS}`, { headers: from("01") })).status).toBe(200);
  }
  await expect.poll(() => collector.spans.length).toBeGreaterThan(0);
  const own = collector.spans.find(({ kind }) => kind === SERVER)?.spanId;
  expect(passed).toEqual([
    [`00-${TRACE}-${CALLER}-01`, "vendor=1"],
    [`00-${TRACE}-${own}-01`, "vendor=1"],
  ]);
  expect((await fetch(`${untraced.url}${BOOKS}`)).status).toBe(200);
  expect(passed.at(-1)).toEqual([undefined, undefined]);
});
