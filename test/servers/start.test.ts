/** How servers start: on an existing database, on the embedded one, and not at all. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { freePort } from "../support/port.ts";
import { startProxy } from "../support/proxy.ts";
import { launch, type ServerProcess, type Variables } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

let database: TestDatabase;
let directory: string;
const started: ServerProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), "octavo-servers-"));
  await chmod(directory, 0o755);
});
afterEach(async () => {
  for (const server of started.splice(0)) await server.end("SIGTERM");
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each(["node", "bun"] as const)("%s", (runtime) => {
  function start(variables: Variables = {}): ServerProcess {
    const server = launch(runtime, { DATABASE_URL: database.url, ...variables });
    started.push(server);
    return server;
  }

  test.each([
    ["pooled TCP", {}],
    ["Neon's HTTP", { DATABASE_TRANSPORT: "http" }],
  ])("the server works over %s, and logs one JSON line per request", async (_, variables) => {
    const server = start({ AUTH_SECRET: SECRET, ...variables });
    const api = await createClient(await server.url, await tokenFor("editor"));
    const created = await api("POST", "/api/v1/books", { body: newBook() });
    expect(created.status).toBe(201);
    const counted = await api("GET", "/api/v1/books?count=exact");
    expect(counted.json.total).toBeGreaterThan(0);
    const taken = await api("POST", "/api/v1/books", { body: newBook({ isbn: created.json.isbn }) });
    expect(taken.json).toMatchObject({ status: 409, error: "conflict" });
    await expect.poll(server.logs).toHaveLength(4);
    const events = server.logs().map((line) => JSON.parse(line));
    expect(events[1]).toMatchObject({ level: "info", method: "POST", status: 201, db_round_trips: 1 });
    const { username, password } = new URL(database.url);
    for (const secret of [SECRET, password, `${username}:`])
      expect(server.logs().join() + server.notices()).not.toContain(secret);
  });

  test.each([
    ["a lack of authentication", {}, /, so every request that needs a role is rejected\.$/m],
    ["a misspelled variable", { RATELIMIT: "hidden" }, /^RATELIMIT is .+: did you mean RATE_LIMIT\?$/m],
  ])("the server warns of %s at its start, and serves", async (_, variables, sentence) => {
    const server = start({ RATE_LIMIT: "", ...variables });
    expect((await fetch(`${await server.url}/ready`)).status).toBe(200);
    await expect.poll(server.notices).toMatch(sentence);
    expect(server.notices()).not.toContain("hidden");
  });

  test("the server warns of nothing if its configuration is complete", async () => {
    const server = start({ AUTH_SECRET: SECRET, TRUSTED_PROXY_HOPS: "0", RATE_LIMIT: "600/60" });
    const headers = { "X-Forwarded-For": "192.0.2.1" };
    expect((await fetch(`${await server.url}/ready`, { headers })).status).toBe(200);
    expect(await server.end("SIGTERM")).toBe(0);
    expect(server.notices()).toMatch(/^Octavo on .+\n$/);
  });

  test("the server warns once that a proxy may be in front of it", async () => {
    const server = start({ AUTH_SECRET: SECRET, RATE_LIMIT: "600/60" });
    const send = (headers: Record<string, string>) =>
      server.url.then((url) => fetch(`${url}/health`, { headers }));
    await send({});
    expect(server.notices()).not.toContain("X-Forwarded-For");
    await send({ "X-Forwarded-For": "192.0.2.1" });
    await send({ "X-Forwarded-For": "192.0.2.2" });
    expect(await server.end("SIGTERM")).toBe(0);
    expect(server.notices().match(/X-Forwarded-For, and TRUSTED_PROXY_HOPS is not set/g)).toHaveLength(1);
    expect(server.notices()).not.toContain("192.0.2");
  });

  test("the server keeps serving after the reader of its log has gone", async () => {
    const variables = { DATABASE_URL: database.url, LOG_LEVEL: "debug" };
    // `head` closes the pipe after the first line.
    const server = launch(runtime, variables, process.cwd(), "> >(head -n 1)");
    started.push(server);
    const url = await server.url;
    await expectToServe(url, () => server.output() !== "");
    expect(await server.end("SIGTERM")).toBe(0);
  });

  test("the server keeps serving if nothing reads its standard error and its log", async () => {
    const PORT = `${await freePort()}`;
    const variables = { DATABASE_URL: database.url, LOG_LEVEL: "debug", PORT };
    const server = launch(runtime, variables, process.cwd(), "2> >(exec true) > >(exec true)");
    started.push(server);
    await expectToServe(`http://127.0.0.1:${PORT}`, () => true);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  /** Sends requests, whose log lines partly come after the reader has gone. */
  async function expectToServe(url: string, until: () => boolean) {
    const ready = () => fetch(`${url}/ready`).then(({ status }) => status, String);
    await expect.poll(async () => (await ready()) === 200 && until(), { timeout: 20_000 }).toBe(true);
    for (let count = 0; count < 20; count++) {
      expect(await ready()).toBe(200);
      await sleep(20);
    }
  }

  test("the server listens on IPv6", async () => {
    const server = start({ HOST: "::1" });
    expect(await server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${await server.url}/ready`)).status).toBe(200);
  });

  test("the server without DATABASE_URL starts the embedded database, and accepts its tokens", async () => {
    const DATA_DIR = join(directory, runtime);
    const server = start({ DATABASE_URL: undefined, DATA_DIR });
    const url = await server.url;
    const { total } = await (await fetch(`${url}/api/v1/books?page=1`)).json();
    expect(server.notices()).toContain(`with ${total} books in `);
    const [, command] = server.notices().match(/npm run (token -- .*)/) ?? [];
    const token = await output("npm", ["run", "-s", ...(command ?? "").split(" ")], {
      ...process.env,
      DATA_DIR,
    });
    const api = await createClient(url, token.trim());
    expect((await api("POST", "/api/v1/books", { body: newBook() })).status).toBe(201);
    expect(await clientsOf(DATA_DIR)).toEqual([
      { usename: "octavo_app", usesuper: false, usecreatedb: false, owns: false },
    ]);
    expect((await stat(join(DATA_DIR, "app-password"))).mode & 0o777).toBe(0o600);
    expect(await server.end("SIGINT")).toBe(0);
  });

  describe("a server that cannot start", () => {
    test("the server does not start with a faulty configuration, and names all faults without values", async () => {
      const server = start({
        DATABASE_URL: "postgres://octavo:hidden@db.example/octavo",
        AUTH_SECRET: "hidden",
        HOST: "hidden host",
        PORT: "70000",
        DATABASE_TRANSPORT: "hidden",
        DATABASE_POOL_SIZE: "0",
        SHUTDOWN_DELAY_MS: "1.5",
        OPEN_LOCAL_WRITES: "true",
      });
      await expect(server.url).rejects.toThrow("The configuration is invalid: ");
      for (const name of ["CURSOR_KEY", "AUTH_SECRET", "HOST", "PORT", "OPEN_LOCAL_WRITES"])
        expect(server.notices()).toContain(`${name} `);
      for (const name of ["DATABASE_TRANSPORT", "DATABASE_POOL_SIZE", "SHUTDOWN_DELAY_MS"])
        expect(server.notices()).toContain(`${name} must be `);
      expect(server.notices()).not.toMatch(/hidden|70000|db\.example|\n./);
      expect(await server.end("SIGTERM")).toBe(1);
    });

    test.each([
      ["on a port that is in use", {}, "is in use by another program. Choose another with HOST and PORT."],
      ["at an address that is not local", { HOST: "192.0.2.1" }, "cannot be used (EADDRNOTAVAIL)"],
    ])("the server does not start %s, and says why in a sentence", async (_, variables, sentence) => {
      const other = createServer();
      await once(other.listen(0, "127.0.0.1"), "listening");
      const { port } = other.address() as AddressInfo;
      const server = start({ PORT: `${port}`, ...variables });
      await expect(server.url).rejects.toThrow(sentence);
      expect(server.notices().trim()).not.toContain("\n");
      expect(await server.end("SIGTERM")).toBe(1);
      other.close();
    });

    test("the server reports a misspelled variable before it refuses to start", async () => {
      const server = start({ DATABASE_URL: "mysql://hidden", AUTHSECRET: "hidden" });
      await expect(server.url).rejects.toThrow("The configuration is invalid: DATABASE_URL must");
      expect(server.notices()).toMatch(
        /^AUTHSECRET is not a variable of Octavo: did you mean AUTH_SECRET\?\n/,
      );
      expect(server.notices()).not.toContain("hidden");
    });

    test("the server does not start without DATABASE_URL and without the development dependencies", async () => {
      const deployed = join(directory, `deployed-${runtime}`);
      await cp("dist", join(deployed, "dist"), { recursive: true });
      await cp("package.json", join(deployed, "package.json"));
      const server = launch(runtime, {}, deployed);
      started.push(server);
      await expect(server.url).rejects.toThrow(
        "DATABASE_URL is not set, and the embedded Postgres is not installed",
      );
      expect(server.notices().trim()).not.toContain("\n");
      expect(await server.end("SIGTERM")).toBe(1);
    });
  });

  test("the server responds with 503 until the database is available", async () => {
    const port = await freePort();
    const url = Object.assign(new URL(database.url), { port: `${port}` }).href;
    const server = start({ DATABASE_URL: url });
    const origin = await server.url;
    const ready = () => fetch(`${origin}/ready`);
    const answer = await ready();
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: "database_unavailable" });
    const proxy = await startProxy(database.url, { port });
    await expect.poll(async () => (await ready()).status).toBe(200);
    // Connections that broke while idle are not reused.
    for (const link of proxy.links) link.cut();
    await expect.poll(async () => (await ready()).status).toBe(200);
  });
});

test("npm start explains that nothing is built if esbuild is not installed", async () => {
  const bare = join(directory, "bare");
  await cp("dev/build.js", join(bare, "dev", "build.js"));
  await cp("package.json", join(bare, "package.json"));
  const child = spawn(process.execPath, ["dev/build.js"], { cwd: bare, stdio: ["ignore", "pipe", "pipe"] });
  let notices = "";
  child.stderr.on("data", (text) => {
    notices += text;
  });
  expect(await once(child, "close")).toEqual([1, null]);
  expect(notices).toMatch(/^Octavo is not built, and .* npm run build\.\n$/);
});

/** The other connections to an embedded server. */
async function clientsOf(directory: string) {
  const read = (name: string) => readFile(join(directory, name), "utf8");
  const { port } = JSON.parse(await read("postgres.owner"));
  const password = await read("postgres.password");
  const client = new pg.Client({ host: "127.0.0.1", port, user: "octavo", password, database: "octavo" });
  await client.connect();
  const { rows } = await client.query(
    `select distinct usename, usesuper, usecreatedb,
       exists (select from pg_class where relowner = pg_user.usesysid) as owns
     from pg_stat_activity join pg_user using (usename)
     where backend_type = 'client backend' and pid <> pg_backend_pid()`,
  );
  await client.end();
  return rows;
}

async function output(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  await once(child, "close");
  return text;
}
