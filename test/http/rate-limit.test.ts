/**
 * Quotas on every runtime: whom a request counts for, what responses report, and what does not count. On workerd, the
 * binding of wrangler.toml counts, which promises only that there is a limit.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer, type TestServer, type Variables } from "../support/servers.ts";
import { SECRET } from "../support/token.ts";
import { startWorker } from "../support/worker.ts";

const QUOTA = 5;
/** More requests than any limiter of these tests admits. */
const MANY = 20;
const MISSING = "00000000-0000-7000-8000-000000000000";
/** It counts, and sends no query to the database. */
const BOOKS = "/api/v1/books?limit=0";
const TASKS = "/api/v1/tasks?limit=0";

let database: TestDatabase;
let directory: string;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), "octavo-rate-limit-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Copies wrangler.toml with another quota, and returns the path of the copy. */
async function wranglerConfig(name: string, simple: string): Promise<string> {
  const path = join(directory, `${name}.toml`);
  const text = await readFile("wrangler.toml", "utf8");
  expect(text).toContain("simple = { limit = 600, period = 60 }");
  const copy = text
    .replace("limit = 600, period = 60", simple)
    .replace("dist/assets", resolve("dist/assets"));
  await writeFile(path, copy);
  return path;
}

let addresses = 0;
/** An address that no other test uses. */
const newAddress = () => `198.18.${addresses >> 8}.${addresses++ & 255}`;

async function bearer(claims: { sub: string; iss?: string; roles?: string[] }) {
  const token = new SignJWT({ roles: ["clerk"], ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("1h");
  return { Authorization: `Bearer ${await token.sign(new TextEncoder().encode(SECRET))}` };
}

const isRefused = ({ status }: Pick<Answer, "status">) => status === 429;

/** Sends requests until the quota is used up. */
async function exhaust(send: () => Promise<Answer>): Promise<{ admitted: Answer[]; refused: Answer }> {
  const admitted: Answer[] = [];
  while (admitted.length < MANY) {
    const answer = await send();
    if (isRefused(answer)) return { admitted, refused: answer };
    admitted.push(answer);
  }
  throw new Error(`${MANY} requests were admitted`);
}

describe.each(RUNTIMES)("on %s", (runtime) => {
  let server: TestServer;
  let api: Client;
  const reports = runtime !== "workerd";

  beforeAll(async () => {
    const variables = { AUTH_SECRET: SECRET };
    if (reports) {
      const RATE_LIMIT = `${QUOTA}/3600`;
      server = await startServer(runtime, database, { ...variables, RATE_LIMIT, TRUSTED_PROXY_HOPS: "1" });
    } else {
      const config = await wranglerConfig("small", `limit = ${QUOTA}, period = 60`);
      server = await startWorker(database, { ...variables, RATE_LIMIT: `${QUOTA}/60` }, { config });
    }
    api = await createClient(server.url);
  });

  // workerd's windows are minutes of the clock. None must end during a test.
  beforeEach(async () => {
    const left = 60_000 - (Date.now() % 60_000);
    if (runtime === "workerd" && left < 10_000) await sleep(left);
  });

  /** The header in which Cloudflare, or the trusted proxy, sends the address. */
  const from = (address: string) => ({ [reports ? "X-Forwarded-For" : "CF-Connecting-IP"]: address });

  const requesting = (headers: Record<string, string>, path = BOOKS) => {
    return () => api("GET", path, { headers });
  };

  test("requests above the quota return 429 with Retry-After", async () => {
    const { admitted, refused } = await exhaust(requesting(from(newAddress())));
    expect(admitted.length).toBeGreaterThan(0);
    expect(new Set(admitted.map(({ status }) => status))).toEqual(new Set([422]));
    expect(refused.json).toMatchObject({ status: 429, error: "rate_limited" });
    const wait = refused.headers.get("Retry-After");
    expect(wait).toMatch(/^[1-9]\d*$/);
    expect(Number(wait)).toBeLessThanOrEqual(reports ? 3600 : 60);
  });

  test("responses report the remaining quota if the runtime knows it", async () => {
    const { admitted, refused } = await exhaust(requesting(from(newAddress())));
    const answers = [...admitted, refused];
    const policies = answers.map(({ headers }) => headers.get("RateLimit-Policy"));
    const standings = answers.map(({ headers }) => headers.get("RateLimit"));
    if (reports) {
      expect(admitted).toHaveLength(QUOTA);
      expect(new Set(policies)).toEqual(new Set([`"default";q=${QUOTA};w=3600`]));
      expect(standings.map((standing) => standing?.match(/^"default";r=(\d+);t=\d+$/)?.[1])).toEqual(
        [4, 3, 2, 1, 0, 0].map(String),
      );
      expect(standings.at(-1)).toBe(`"default";r=0;t=${refused.headers.get("Retry-After")}`);
    } else {
      expect(new Set([...policies, ...standings])).toEqual(new Set([null]));
    }
  });

  test("exactly the responses to requests that count report the quota", async () => {
    const reportOf = async (method: string, path: string, options: Parameters<Client>[2] = {}) => {
      const headers = { ...from(newAddress()), ...options.headers };
      const answer = await api(method, path, { ...options, headers });
      return [answer.status, answer.headers.has("RateLimit"), answer.headers.has("RateLimit-Policy")];
    };
    const editor = await bearer({ sub: "teller", roles: ["editor"] });
    const made = await api("POST", "/api/v1/books", { body: newBook(), headers: editor });
    const path = `/api/v1/books/${made.json.id}`;
    expect([made.status, made.headers.has("RateLimit")]).toEqual([201, reports]);
    expect(await reportOf("GET", path)).toEqual([200, reports, reports]);
    const tag = { "If-None-Match": made.headers.get("ETag") ?? "" };
    expect(await reportOf("GET", path, { headers: tag })).toEqual([304, reports, reports]);
    expect(await reportOf("GET", `/api/v1/books/${MISSING}`)).toEqual([404, reports, reports]);
    expect(await reportOf("GET", "/api/v1/tasks")).toEqual([401, reports, reports]);
    expect(await reportOf("POST", "/api/v1/books", { headers: editor })).toEqual([415, reports, reports]);
    const clerk = await bearer({ sub: "clerk" });
    expect(await reportOf("POST", "/api/v1/books", { headers: clerk })).toEqual([403, reports, reports]);
    expect(await reportOf("DELETE", path, { headers: editor })).toEqual([204, reports, reports]);
    for (const path of ["/health", "/ready", "/openapi.json", "/problems/rate_limited"])
      expect(await reportOf("GET", path)).toEqual([200, false, false]);
    expect(await reportOf("OPTIONS", path)).toEqual([204, false, false]);
    expect(await reportOf("PUT", "/api/v1/books")).toEqual([405, false, false]);
    expect(await reportOf("GET", "/nothing")).toEqual([404, false, false]);
  });

  test("every IPv4 address and every IPv6 /64 network has a quota of its own", async () => {
    const address = newAddress();
    await exhaust(requesting(from(address)));
    expect((await requesting(from(`::ffff:${address}`))()).status).toBe(429);
    expect((await requesting(from(newAddress()))()).status).not.toBe(429);
    await exhaust(requesting(from("2001:db8:1:1::1")));
    for (const same of ["2001:db8:1:1::2", "2001:DB8:1:1:ffff:ffff:ffff:ffff", "2001:0db8:0001:0001::"])
      expect([same, isRefused(await requesting(from(same))())]).toEqual([same, true]);
    for (const other of ["2001:db8:1:2::1", "2001:db8:1::1", "2001:db8::1:1:0:0:1"])
      expect([other, isRefused(await requesting(from(other))())]).toEqual([other, false]);
  });

  test("every subject of every issuer has a quota of its own, from any address", async () => {
    const sub = crypto.randomUUID();
    const iss = "https://id.example";
    const headers = await bearer({ sub, iss });
    await exhaust(requesting({ ...headers, ...from(newAddress()) }, TASKS));
    const again = requesting(
      { ...(await bearer({ sub, iss, roles: ["admin"] })), ...from(newAddress()) },
      TASKS,
    );
    expect((await again()).status).toBe(429);
    for (const other of [
      { sub },
      { sub, iss: "https://id.example/" },
      { sub: `${sub} `, iss },
      { sub: `${iss},${sub}` },
      { sub: JSON.stringify([iss, sub]) },
      { sub: `["${iss}","${sub}"]`, iss: "" },
      { sub: `${iss}","${sub}` },
      { sub: `","${sub}`, iss },
    ]) {
      const answer = await requesting({ ...(await bearer(other)), ...from(newAddress()) }, TASKS)();
      expect([other, isRefused(answer)]).toEqual([other, false]);
    }
  });

  test("requests with a token do not count for their address", async () => {
    const address = newAddress();
    await exhaust(requesting(from(address)));
    const token = await bearer({ sub: crypto.randomUUID() });
    expect((await requesting({ ...token, ...from(address) }, TASKS)()).status).not.toBe(429);
    await exhaust(requesting({ ...token, ...from(address) }, TASKS));
    expect((await requesting(from(newAddress()))()).status).not.toBe(429);
    // A subject may look like an address.
    const named = newAddress();
    await exhaust(requesting(await bearer({ sub: named }), TASKS));
    expect((await requesting(from(named))()).status).not.toBe(429);
  });

  test("a request to a public route counts for its address, even with a token", async () => {
    const [token, address] = [await bearer({ sub: crypto.randomUUID() }), newAddress()];
    await exhaust(requesting({ ...token, ...from(address) }));
    expect((await requesting({ ...token, ...from(newAddress()) }, TASKS)()).status).not.toBe(429);
    expect((await requesting({ ...token, ...from(newAddress()) })()).status).not.toBe(429);
  });

  test.each<[string, () => Promise<Record<string, string>>]>([
    ["without a token", async () => ({})],
    ["with a malformed token", async () => ({ Authorization: "Bearer x" })],
    [
      "with another's subject and an invalid signature",
      async () => ({ Authorization: `${(await bearer({ sub: "victim" })).Authorization.slice(0, -4)}AAAA` }),
    ],
  ])("requests %s return 401, and use up the quota of their address", async (_, headersOf) => {
    const address = newAddress();
    for (let sent = 0; sent < MANY; sent++) {
      const answer = await requesting({ ...(await headersOf()), ...from(address) }, TASKS)();
      expect([answer.status, answer.json.error]).toEqual([401, "unauthorized"]);
    }
    expect((await requesting(from(address))()).status).toBe(429);
    expect((await requesting(await bearer({ sub: "victim" }), TASKS)()).status).not.toBe(429);
  });

  test("requests without the role return 403, and use up the quota of their token", async () => {
    const [token, address] = [await bearer({ sub: crypto.randomUUID() }), newAddress()];
    for (let sent = 0; sent < MANY; sent++) {
      const answer = await api("POST", "/api/v1/books", { headers: { ...token, ...from(address) } });
      expect([answer.status, answer.json.error]).toEqual([403, "forbidden"]);
    }
    expect((await requesting(token, TASKS)()).status).toBe(429);
    expect((await requesting(from(address))()).status).not.toBe(429);
  });

  test("requests to service endpoints, unknown paths and other methods do not count, and are never refused", async () => {
    const headers = from(newAddress());
    const exempt: [string, string, number][] = [
      ["GET", "/health", 200],
      ["HEAD", "/health", 200],
      ["GET", "/ready", 200],
      ["GET", "/openapi.json", 200],
      ["GET", "/problems/rate_limited", 200],
      ["OPTIONS", "/api/v1/books", 204],
      ["PUT", "/api/v1/books", 405],
      ["GET", "/nothing", 404],
    ];
    const sendAll = async () => {
      for (const [method, path, status] of exempt) {
        const answer = await api(method, path, { headers });
        expect([method, path, answer.status]).toEqual([method, path, status]);
      }
    };
    for (let sent = 0; sent < QUOTA; sent++) await sendAll();
    expect((await requesting(headers)()).status).not.toBe(429);
    await exhaust(requesting(headers));
    for (let sent = 0; sent < 2; sent++) await sendAll();
  });

  test("the quota is checked after route, token and role, and before everything else", async () => {
    const [address, clerk, editor] = [newAddress(), crypto.randomUUID(), crypto.randomUUID()];
    const tokens = {
      clerk: await bearer({ sub: clerk }),
      editor: await bearer({ sub: editor, roles: ["editor"] }),
    };
    await exhaust(requesting(from(address)));
    for (const token of Object.values(tokens)) await exhaust(requesting(token, TASKS));
    const statusOf = async (method: string, path: string, options: Parameters<Client>[2] = {}) =>
      (await api(method, path, { ...options, headers: { ...from(address), ...options.headers } })).status;
    const [books, book] = ["/api/v1/books", `/api/v1/books/${MISSING}`];
    expect(await statusOf("GET", "/api/v1/nothing")).toBe(404);
    expect(await statusOf("DELETE", books)).toBe(405);
    expect(await statusOf("POST", books)).toBe(401);
    expect(await statusOf("POST", books, { headers: tokens.clerk })).toBe(403);
    const json = { ...tokens.editor, "Content-Type": "application/json" };
    for (const [method, path, options] of [
      ["POST", books, { raw: "text", headers: { ...json, "Content-Type": "text/plain" } }],
      ["POST", books, { raw: "x".repeat(1024 * 1024 + 1), headers: json }],
      ["POST", books, { raw: "{", headers: json }],
      ["POST", books, { body: {}, headers: json }],
      ["POST", books, { body: newBook(), headers: { ...json, "Idempotency-Key": "é" } }],
      ["PATCH", book, { body: { title: "Dune" }, headers: json }],
      ["PATCH", book, { body: { title: "Dune" }, headers: { ...json, "If-Match": '"x"' } }],
      ["GET", book, {}],
      ["GET", `${books}?cursor=x`, {}],
    ] as [string, string, Parameters<Client>[2]][]) {
      expect([method, path, options, await statusOf(method, path, options)]).toEqual([
        method,
        path,
        options,
        429,
      ]);
    }
  });

  test("a refused request changes nothing", async () => {
    const editor = await bearer({ sub: crypto.randomUUID(), roles: ["editor"] });
    const book = newBook();
    await exhaust(requesting(editor, TASKS));
    expect((await api("POST", "/api/v1/books", { body: book, headers: editor })).status).toBe(429);
    const read = await api("GET", `/api/v1/books/isbn/${book.isbn}`, { headers: from(newAddress()) });
    expect(read.status).toBe(404);
  });

  test("HEAD counts like GET", async () => {
    const headers = from(newAddress());
    const { refused } = await exhaust(() => api("HEAD", BOOKS, { headers }));
    expect([refused.text, refused.headers.has("Retry-After")]).toEqual(["", true]);
    expect((await requesting(headers)()).status).toBe(429);
  });

  test("a page of another origin can read the quota headers", async () => {
    const headers = { ...from(newAddress()), Origin: "https://any.example" };
    const { refused } = await exhaust(requesting(headers));
    expect(refused.headers.get("Access-Control-Allow-Origin")).toBe("*");
    const exposed = refused.headers.get("Access-Control-Expose-Headers")?.split(",");
    expect(exposed).toEqual(expect.arrayContaining(["RateLimit", "RateLimit-Policy", "Retry-After"]));
  });

  test("the log of a refused request names the problem, and the client as its quota sees it", async () => {
    const [address, id] = [newAddress(), crypto.randomUUID()];
    await exhaust(requesting({ ...from(address), "X-Request-Id": id }));
    const logged = () => server.logs().filter((line) => line.includes(id));
    await expect.poll(() => logged().filter((line) => line.includes("rate_limited"))).toHaveLength(1);
    const event = JSON.parse(logged().find((line) => line.includes("rate_limited")) ?? "");
    expect(event).toMatchObject({ level: "warn", status: 429, problem: "rate_limited", db_round_trips: 0 });
    expect(event.error).toBeUndefined();
    expect(event.client).toBe(address);
  });

  test("RATE_LIMIT=off disables the quota", async () => {
    const variables = { RATE_LIMIT: "off" };
    const { url } = reports
      ? await startServer(runtime, database, variables)
      : await startWorker(database, variables, { config: join(directory, "small.toml") });
    const unlimited = await createClient(url);
    for (let sent = 0; sent < MANY; sent++) {
      const { status, headers } = await unlimited("GET", BOOKS);
      expect([status, headers.has("RateLimit"), headers.has("RateLimit-Policy")]).toEqual([
        422,
        false,
        false,
      ]);
    }
  });
});

describe.each(["node", "bun"] as const)("on %s, which counts in memory", (runtime) => {
  const start = (variables: Variables) => startServer(runtime, database, variables);

  test("of many simultaneous requests, exactly the quota is admitted", async () => {
    const api = await createClient((await start({ RATE_LIMIT: "100/3600" })).url);
    const answers = await Promise.all(Array.from({ length: 500 }, () => api("GET", BOOKS)));
    const admitted = answers.filter((answer) => !isRefused(answer));
    expect(admitted).toHaveLength(100);
    const left = admitted.map(({ headers }) => Number(headers.get("RateLimit")?.match(/r=(\d+)/)?.[1]));
    expect(left.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, remaining) => remaining));
  });

  test("the quota is available again in every window", async () => {
    const api = await createClient((await start({ RATE_LIMIT: "20/1" })).url);
    const admitted: string[] = [];
    const windows = () => admitted.filter((standing) => standing.includes("r=19;")).length;
    for (let round = 1; windows() < 3; round++) {
      expect(round, "rounds, in which the quota should have begun anew twice").toBeLessThan(200);
      await sleep(50);
      const answers = await Promise.all(Array.from({ length: 30 }, () => api("GET", BOOKS)));
      for (const answer of answers) {
        if (isRefused(answer)) expect(answer.headers.get("Retry-After")).toBe("1");
        else admitted.push(answer.headers.get("RateLimit") ?? "");
      }
    }
    expect(admitted.length).toBeGreaterThan(40);
    expect(admitted.length).toBeLessThanOrEqual(20 * windows());
  });

  test("the default quota is 600 requests a minute", async () => {
    const { url } = await start({ RATE_LIMIT: undefined });
    expect((await fetch(url + BOOKS)).headers.get("RateLimit-Policy")).toBe('"default";q=600;w=60');
  });

  test("without a trusted proxy, the connection's address counts, whatever headers say", async () => {
    const { url } = await start({ RATE_LIMIT: `${QUOTA}/3600` });
    const forged = (number: number): Record<string, string> => ({
      "X-Forwarded-For": `192.0.2.${number}`,
      Forwarded: `for=192.0.2.${number}`,
      "X-Real-IP": `192.0.2.${number}`,
      "X-Client-IP": `192.0.2.${number}`,
      "X-Cluster-Client-IP": `192.0.2.${number}`,
      "True-Client-IP": `192.0.2.${number}`,
      "Fly-Client-IP": `192.0.2.${number}`,
      "CF-Connecting-IP": `192.0.2.${number}`,
    });
    const statuses: number[] = [];
    for (let number = 0; number < 10; number++)
      statuses.push((await rawRequest(url, { path: BOOKS, headers: forged(number) })).status);
    expect(statuses).toEqual(Array.from({ length: 10 }, (_, number) => (number < QUOTA ? 422 : 429)));
  });

  // Only Linux has all of 127.0.0.0/8 by default.
  test.runIf(process.platform === "linux")("every address that connects has a quota of its own", async () => {
    const { url } = await start({ RATE_LIMIT: "1/3600", HOST: "::" });
    const { port } = new URL(url);
    const statusFrom = async (localAddress: string, host = "127.0.0.1") =>
      (await rawRequest(`http://${host}:${port}`, { path: BOOKS, localAddress })).status;
    for (const status of [422, 429]) {
      expect(await statusFrom("127.0.0.1")).toBe(status);
      expect(await statusFrom("127.0.0.2")).toBe(status);
      expect(await statusFrom("::1", "[::1]")).toBe(status);
    }
  });

  test("the address that a trusted proxy adds counts, not those that clients send", async () => {
    const { url } = await start({ RATE_LIMIT: "1/3600", TRUSTED_PROXY_HOPS: "2" });
    const statusOf = async (forwarded?: string) =>
      (await rawRequest(url, { path: BOOKS, headers: forwarded ? { "X-Forwarded-For": forwarded } : {} }))
        .status;
    expect(await statusOf("192.0.2.1, 10.0.0.1")).toBe(422);
    expect(await statusOf("192.0.2.1, 10.0.0.2")).toBe(429);
    expect(await statusOf("192.0.2.9, 192.0.2.1, 10.0.0.1")).toBe(429);
    expect(await statusOf("192.0.2.2, 10.0.0.1")).toBe(422);
    // If the header has no valid address, the proxy's own counts.
    expect(await statusOf("garbage, 10.0.0.1")).toBe(422);
    expect(await statusOf("other garbage, 10.0.0.1")).toBe(429);
    expect(await statusOf("192.0.2.3")).toBe(429);
    expect(await statusOf()).toBe(429);
  });
});

describe("on workerd, where a binding counts", () => {
  test("the quota in wrangler.toml equals the default of RATE_LIMIT", async () => {
    const { rateLimit } = await parseConfig({ DATABASE_URL: database.url });
    const simple = `simple = { limit = ${rateLimit?.requests}, period = ${rateLimit?.seconds} }`;
    expect(await readFile("wrangler.toml", "utf8")).toContain(simple);
  });

  test("Retry-After is at most the window of the binding", async () => {
    const config = await wranglerConfig("short", "limit = 1, period = 10");
    const api = await createClient((await startWorker(database, { RATE_LIMIT: "1/10" }, { config })).url);
    const { refused } = await exhaust(() => api("GET", BOOKS));
    expect(refused.headers.get("Retry-After")).toBe("10");
  });

  test("an open server counts by address", async () => {
    const config = await wranglerConfig("open", "limit = 1, period = 60");
    const variables = { OPEN_LOCAL_WRITES: "true", RATE_LIMIT: undefined };
    const api = await createClient((await startWorker(database, variables, { config })).url);
    const send = (address: string) => api("GET", TASKS, { headers: { "CF-Connecting-IP": address } });
    await exhaust(() => send("192.0.2.1"));
    expect((await send("192.0.2.2")).status).not.toBe(429);
  });

  test("without a binding, no request is refused", async () => {
    const config = await wranglerConfig("none", "limit = 1, period = 60");
    await writeFile(config, (await readFile(config, "utf8")).replace("RATE_LIMITER", "ANOTHER"));
    const { url } = await startWorker(database, { RATE_LIMIT: undefined }, { config });
    const api = await createClient(url);
    for (let sent = 0; sent < MANY; sent++) expect((await api("GET", BOOKS)).status).toBe(422);
  });

  test("a failing binding refuses no request, and is logged", async () => {
    // The binding is a Worker, this one, which has no method `limit`.
    const overrides = { ratelimits: {}, serviceBindings: { RATE_LIMITER: "octavo" } };
    const variables = { AUTH_SECRET: SECRET, RATE_LIMIT: undefined, LOG_LEVEL: "debug" };
    const worker = await startWorker(database, variables, { overrides });
    const api = await createClient(worker.url);
    for (const [path, status, level] of [
      ["/api/v1/books", 200, "warn"],
      ["/api/v1/tasks", 401, "warn"],
      ["/health", 200, "debug"],
    ] as const) {
      const id = crypto.randomUUID();
      const answer = await api("GET", path, { headers: { "X-Request-Id": id } });
      expect(answer.status).toBe(status);
      expect(answer.text).not.toMatch(/RPC|TypeError/);
      const logged = () => worker.logs().filter((line) => line.includes(id));
      await expect.poll(logged).toHaveLength(1);
      const event = JSON.parse(logged()[0] ?? "");
      expect([event.level, event.error?.name]).toEqual([level, level === "warn" ? "TypeError" : undefined]);
    }
  });
});
