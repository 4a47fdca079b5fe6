/** The metrics of servers: what they count, where they are read, and that the dashboard and the alerts ask for what exists. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { load } from "js-yaml";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { newBook } from "../support/books.ts";
import { rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { textOf } from "../support/markdown.ts";
import { freePort } from "../support/port.ts";
import { namedIn } from "../support/promql.ts";
import { launch, launchServer, type ServerProcess, type Variables } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

/** A value, by its name and its labels. */
interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

async function started(server: ServerProcess): Promise<{ url: string; metrics: string }> {
  const url = await server.url;
  const metrics = await vi.waitUntil(() => server.notices().match(/^Metrics at (.+)$/m)?.[1]);
  return { url, metrics };
}

async function read(metrics: string): Promise<Sample[]> {
  const response = await fetch(metrics);
  expect(response.headers.get("Content-Type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", labels = "", value] = line.match(/^(\w+)(?:\{(.*)\})? (\S+)$/) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

describe.each(["node", "bun"] as const)("%s", (runtime) => {
  const variablesOf = (variables: Variables) => ({
    DATABASE_URL: database.url,
    AUTH_SECRET: SECRET,
    METRICS_PORT: "0",
    ...variables,
  });
  let database: TestDatabase;
  let at: { url: string; metrics: string };
  let samples: Sample[];

  /** The sum of the values with this name and these labels. */
  const sum = (name: string, labels: Record<string, string> = {}) =>
    samples
      .filter((sample) => sample.name === `octavo_${name}`)
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      .reduce((total, { value }) => total + value, 0);

  beforeAll(async () => {
    database = await createTestDatabase();
    at = await started(
      launchServer(
        runtime,
        variablesOf({
          RATE_LIMIT: "20/60",
          RATE_LIMIT_STORE: "postgres",
          // It is no standby, so it is not read.
          DATABASE_READ_URL: database.url,
        }),
      ),
    );
    const bearer = { Authorization: `Bearer ${await tokenFor("editor")}` };
    const send = async (method: string, path: string, body?: string, type = "application/json") => {
      const headers = { ...bearer, ...(body && { "Content-Type": type }) };
      const response = await fetch(at.url + path, { method, headers, ...(body && { body }) });
      return response.text();
    };
    const { id } = JSON.parse(await send("POST", "/api/v1/books", JSON.stringify(newBook())));
    await Promise.all(Array.from({ length: 5 }, () => send("GET", `/api/v1/books/${id}`)));
    const row = newBook({ isbn: "9780486272634" });
    const lines = `${JSON.stringify(row)}\n{"isbn":"1"}\n`;
    await send("POST", "/api/v1/books/import?dry_run=true", lines, "application/x-ndjson");
    await send("POST", "/api/v1/books/import", lines, "application/x-ndjson");
    await send("GET", "/api/v1/changes");
    await send("GET", "/api/v1/books?search=x&count=exact");
    for (const path of ["/nowhere/1", "/nowhere/2"]) await send("GET", path);
    await (await fetch(`${at.url}/api/v1/tasks`)).text();
    if (runtime === "node") await rawRequest(at.url, { method: "PROPFIND", path: "/api/v1/books" });
    for (let count = 0; count < 20; count++) await send("GET", "/api/v1/books?limit=0");
    samples = await read(at.metrics);
  });

  test("requests are counted by the pattern of their route, method and status", () => {
    const book = { method: "GET", route: "/api/v1/books/:id" };
    expect(sum("http_requests_total", { ...book, status: "200" })).toBe(5);
    expect(sum("http_request_duration_seconds_count", book)).toBe(5);
    expect(sum("http_request_duration_seconds_bucket", { ...book, le: "10" })).toBe(5);
    expect(sum("http_requests_total", { route: "unknown", status: "404" })).toBe(2);
    if (runtime === "node") expect(sum("http_requests_total", { method: "other", status: "405" })).toBe(1);
  });

  test("bytes and the time of the database are counted by route", () => {
    const book = { method: "GET", route: "/api/v1/books/:id" };
    expect(sum("http_response_bytes_total", book)).toBeGreaterThan(5 * 200);
    expect(sum("http_request_bytes_total", { method: "POST", route: "/api/v1/books" })).toBeGreaterThan(50);
    expect(sum("database_round_trips_total", book)).toBe(5);
    expect(sum("database_seconds_total", book)).toBeGreaterThan(0);
    expect(sum("database_wait_seconds_total", book)).toBeGreaterThan(0);
  });

  test("refusals are counted by their reason", () => {
    expect(sum("http_problems_total", { problem: "rate_limited" })).toBeGreaterThan(1);
    expect(sum("http_problems_total", { problem: "unauthorized" })).toBe(1);
  });

  test("lanes and the pool tell what runs, waits and is shared", () => {
    const lanes = new Set(
      samples.flatMap(({ name, labels }) => (name === "octavo_lane_waiting" ? labels.lane : [])),
    );
    expect([...lanes]).toEqual(["points", "pages", "searches", "writes", "locks"]);
    const points = { lane: "points" };
    expect(sum("lane_started_total", points) + sum("lane_joined_total", points)).toBe(5);
    expect(sum("lane_started_total", { lane: "writes" })).toBeGreaterThan(0);
    // Of the primary and of the replica.
    expect(sum("pool_connections")).toBe(20);
  });

  test("imports and the feed are measured, and a dry run is not", () => {
    expect(sum("import_rows_total", { result: "created" })).toBe(1);
    expect(sum("import_rows_total", { result: "refused" })).toBe(1);
    expect(samples.find(({ name }) => name === "octavo_feed_lag_seconds")?.value).toBeLessThan(60);
  });

  test("the process and its event loop are measured", () => {
    const named = (name: string) => samples.find((sample) => sample.name === name)?.value;
    expect(named("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThanOrEqual(0);
    expect(named("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(named("octavo_info")).toBe(1);
  });

  test.each([
    ["the dashboard", () => queriesOfDashboard()],
    ["the alerts", () => queriesOfRules()],
  ])("every query of %s names metrics and labels that exist", async (_, queriesOf) => {
    const queries = await queriesOf();
    expect(queries.length).toBeGreaterThan(5);
    // Prometheus adds `up`, `job` and `instance` itself.
    const labelsOf = new Map<string, Set<string>>([["up", new Set()]]);
    for (const { name, labels } of samples)
      labelsOf.set(name, new Set([...(labelsOf.get(name) ?? []), ...Object.keys(labels)]));
    for (const query of queries) {
      const { metrics, labels } = namedIn(query);
      expect(metrics.length, query).toBeGreaterThan(0);
      expect(
        metrics.filter((name) => !labelsOf.has(name)),
        query,
      ).toEqual([]);
      const known = metrics.flatMap((name) => [...(labelsOf.get(name) ?? [])]);
      expect(
        labels.filter((label) => !["job", "instance", ...known].includes(label)),
        query,
      ).toEqual([]);
    }
  });

  test("the values that alerts select exist", async () => {
    // A pool may be full, and no request may have failed yet.
    const values = (await queriesOfRules()).flatMap((query) => namedIn(query).values);
    const exist = (label: string, value: string) => samples.some(({ labels }) => labels[label] === value);
    const missing = values.filter(([label, value]) => label !== "job" && !exist(label, value));
    expect(missing).toEqual([]);
  });

  test("docs/operating.md lists every metric of Octavo", () => {
    const names = samples
      .map(({ name }) => name.replace(/(_seconds)_(bucket|sum|count)$/, "$1"))
      .filter((name) => name.startsWith("octavo_"));
    const documented = [...textOf("docs/operating.md").matchAll(/`(octavo_\w+)`/g)].map(([, name]) => name);
    // What is no standby has no lag.
    names.push("octavo_replica_lag_seconds");
    expect([...new Set(documented)].sort()).toEqual([...new Set(names)].sort());
  });

  test("the public port has no metrics, and the port of the metrics has nothing else", async () => {
    expect((await fetch(`${at.url}/metrics`)).status).toBe(404);
    for (const path of ["/", "/health", "/api/v1/books", "/metrics/more"])
      expect((await fetch(new URL(path, at.metrics))).status).toBe(404);
    expect((await fetch(at.metrics, { method: "POST" })).status).toBe(405);
    expect(await (await fetch(at.metrics, { method: "HEAD" })).text()).toBe("");
  });

  test("metrics are on loopback unless METRICS_HOST says otherwise", async () => {
    const elsewhere = (url: string) =>
      fetch(url.replace("127.0.0.1", "127.0.0.2")).then(({ status }) => status);
    expect(at.metrics).toMatch(/^http:\/\/127\.0\.0\.1:/);
    await expect(elsewhere(at.metrics)).rejects.toThrow();
    const everywhere = await started(launchServer(runtime, variablesOf({ METRICS_HOST: "0.0.0.0" })));
    const { port } = new URL(everywhere.metrics);
    expect(await elsewhere(`http://127.0.0.1:${port}/metrics`)).toBe(200);
  });

  test("a port that is taken is a clear error at the start", async () => {
    const other = createServer();
    await once(other.listen(0, "127.0.0.1"), "listening");
    const { port } = other.address() as AddressInfo;
    const server = launch(runtime, variablesOf({ METRICS_PORT: `${port}` }));
    expect(await server.end("SIGCONT")).toBe(1);
    other.close();
    expect(server.notices()).toContain(
      `Port ${port} of 127.0.0.1 for metrics is in use by another program. Choose another with METRICS_HOST and METRICS_PORT.`,
    );
  });

  test("without METRICS_PORT there are no metrics, and nothing of them is loaded", async () => {
    const server = launchServer(
      runtime,
      variablesOf({ METRICS_PORT: undefined, PORT: `${await freePort()}` }),
    );
    expect((await fetch(`${await server.url}/metrics`)).status).toBe(404);
    expect(server.notices()).not.toContain("Metrics");
    expect(await readFile(`dist/${runtime}.js`, "utf8")).not.toContain("lane_waiting");
  });
});

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
}

async function queriesOfDashboard(): Promise<string[]> {
  const { panels }: Dashboard = JSON.parse(await readFile("ops/grafana/octavo.json", "utf8"));
  // Grafana replaces its variables before it sends a query.
  return panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "1m")),
  );
}

interface Rules {
  groups: {
    rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[];
  }[];
}

async function queriesOfRules(): Promise<string[]> {
  const { groups } = load(await readFile("ops/prometheus/octavo.rules.yml", "utf8")) as Rules;
  return groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr, annotations }) => {
      expect(annotations.description, `${alert} says why it exists`).toMatch(/\w{3}.*\.$/s);
      return expr;
    }),
  );
}
