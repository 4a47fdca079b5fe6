/** Reads from a replica: a real standby, which a test delays, breaks and promotes. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { createClient as octavo } from "../../src/client/index.ts";
import { Positions } from "../../src/http/position.ts";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { type Cluster, CURSOR_KEY, start, startCluster, type Told, type Ways } from "../support/replicas.ts";
import { RUNTIMES } from "../support/servers.ts";
import { signIn } from "../support/staff.ts";
import { tokenFor } from "../support/token.ts";
import { rowsOf } from "../support/walk.ts";

const POSITION = "X-Octavo-Position";
/** `OCTAVO_READS=10000` makes more of them. */
const READS = Number(process.env.OCTAVO_READS ?? 200);

/** Who reads and writes at a time, and so shares commits and statements. */
const WALKERS = 4;
const WAIT = { timeout: 20_000 };

let cluster: Cluster;
/** What each runtime does once the replica is promoted, which ends the file. */
const promotions: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await startCluster();
});

describe.each(RUNTIMES)("%s", (runtime) => {
  let ways: Ways;
  let server: Told;
  let api: Client;

  /** The event of the last request. */
  const last = () => JSON.parse(server.logs().at(-1) ?? "{}");
  /** How many round trips work makes to the primary and to the replica. */
  const tripsOf = async (work: () => Promise<unknown>) => {
    const before = [ways.primary.trips, ways.replica.trips];
    await work();
    return [ways.primary.trips, ways.replica.trips].map((trips, at) => trips - (before[at] ?? 0));
  };
  /** Waits until reads come from there. */
  const readsFrom = (where: "primary" | "replica", path = "/api/v1/books") =>
    vi.waitUntil(
      async () => {
        const trips = await tripsOf(() => api("GET", path));
        return `${trips}` === (where === "replica" ? "0,1" : "1,0");
      },
      { timeout: 30_000, interval: 100 },
    );

  beforeAll(async () => {
    ways = await cluster.waysOf(runtime);
    server = await start(runtime, { ...ways.variables, REPLICA_MAX_LAG: "3600" });
    api = await createClient(server.url, await tokenFor("admin"));
    await api("POST", "/api/v1/books", { body: newBook() });
    await cluster.replayed();
    await readsFrom("replica");
    promotions.push(async () => {
      await readsFrom("primary");
      expect(server.told().at(-1)).toMatch(/is not a standby/);
    });
  });

  test("reads go to the replica in one round trip each, and writes to the primary", async () => {
    const { json } = await api("POST", "/api/v1/books", { body: newBook() });
    await cluster.replayed();
    const paths = [
      "/api/v1/books?sort=price",
      "/api/v1/books?search=dune",
      "/api/v1/books?count=exact",
      `/api/v1/books/${json.id}`,
      "/api/v1/changes",
      "/api/v1/tasks",
      "/api/v1/stock/movements",
      "/sitemap.xml",
      "/",
      `/books/${json.isbn}`,
    ];
    for (const path of paths) expect([path, await tripsOf(() => api("GET", path))]).toEqual([path, [0, 1]]);
    const sale = () => api("POST", `/api/v1/books/${json.id}/stock`, { body: { delta: -1 } });
    expect(await tripsOf(sale)).toEqual([1, 0]);
    expect(await tripsOf(() => api("GET", "/ready"))).toEqual([1, 0]);
  });

  test("whoever sends back the position of a write reads the write, also while the replica does not replay", async () => {
    const { json } = await api("POST", "/api/v1/books", { body: newBook() });
    await cluster.replayed();
    const path = `/api/v1/books/${json.id}`;
    const reads = (headers = {}) => api("GET", path, { headers });
    let position = "";
    await cluster.whilePaused(async () => {
      const { headers } = await api("PATCH", path, { body: { stock: 77 } });
      position = headers.get(POSITION) ?? "";
      expect(position).toMatch(/^[\w-]{1,64}$/);
      expect((await reads()).json.stock).toBe(3);
      expect((await reads({ [POSITION]: position })).json.stock).toBe(77);
      await expect.poll(last).toMatchObject({ db_round_trips: 1, db_retries: 1 });
      expect(await tripsOf(() => reads({ [POSITION]: position }))).toEqual([1, 1]);
      const counted = `/api/v1/books?search=${json.isbn}&count=exact`;
      const found = await api("GET", counted, { headers: { [POSITION]: position } });
      expect(found.json.data).toMatchObject([{ stock: 77 }]);
    });
    expect(await tripsOf(() => reads({ [POSITION]: position }))).toEqual([0, 1]);
  });

  test("a replayed response and a refusal have positions that cover what they tell", async () => {
    const key = { "Idempotency-Key": crypto.randomUUID() };
    const body = newBook();
    await cluster.whilePaused(async () => {
      const create = () => api("POST", "/api/v1/books", { body, headers: key });
      const { json } = await create();
      const replayed = await create();
      const refused = await api("POST", "/api/v1/books", { body });
      expect([replayed.status, refused.status]).toEqual([201, 409]);
      for (const { headers } of [replayed, refused]) {
        const position = headers.get(POSITION) ?? "";
        const found = await api("GET", `/api/v1/books/${json.id}`, { headers: { [POSITION]: position } });
        expect(found.status).toBe(200);
      }
    });
  });

  test("our client sends the position of its last write with its reads", async () => {
    const client = octavo(server.url, { token: await tokenFor("admin") });
    const { data } = await client.books.create(newBook());
    await cluster.whilePaused(async () => {
      for (const stock of [11, 12, 13]) {
        await client.books.update(data.id, { stock });
        expect((await client.books.get(data.id)).data.stock).toBe(stock);
      }
      const { data: page } = await client.books.list({ search: data.isbn }).page();
      expect(page).toMatchObject([{ stock: 13 }]);
    });
  });

  test("our client does not press a replica that is behind its copy", async () => {
    await cluster.whilePaused(async () => {
      const { headers } = await api("POST", "/api/v1/books", { body: newBook() });
      const position = { [POSITION]: headers.get(POSITION) ?? "" };
      const { json } = await api("GET", "/api/v1/changes?limit=1", { headers: position });
      expect(json.more).toBe(true);
      let asked = 0;
      const fetch: typeof globalThis.fetch = (...request) => {
        asked++;
        return globalThis.fetch(...request);
      };
      const following = { signal: AbortSignal.timeout(1000), interval: 200, wait: false };
      const feed = octavo(server.url, { fetch }).changes({ since: json.next_cursor, limit: 1 }, following);
      await expect(rowsOf(feed)).rejects.toThrow();
      // It waits for 0.2 s, and then twice as long each time.
      expect(asked).toBeLessThan(10);
    });
  });

  test("a browser that has written at the counter sees that in the shop", async () => {
    const clerk = await signIn(server.url, "clerk");
    await cluster.whilePaused(async () => {
      const { headers } = await clerk.post("/staff/tasks", { title: "Order ink", once: crypto.randomUUID() });
      const cookies = headers.getSetCookie().filter((cookie) => cookie.startsWith("octavo_position="));
      expect(cookies).toEqual([
        expect.stringMatching(/=[\w-]{59}; Max-Age=3601; Path=\/; HttpOnly; SameSite=Lax$/),
      ]);
      const Cookie = `${cookies[0]?.split(";")[0]}`;
      expect(await tripsOf(() => api("GET", "/", { headers: { Cookie } }))).toEqual([1, 1]);
      expect(await tripsOf(() => api("GET", "/"))).toEqual([0, 1]);
    });
    expect(await tripsOf(() => clerk.get("/staff/tasks"))).toEqual([1, 0]);
  });

  test("a malformed position is a problem, and one of others is ignored", async () => {
    const { rows } = await cluster.primary.query(
      "select system_identifier::text as id from pg_control_system()",
    );
    const far = (key: string, home: string) =>
      new Positions(Buffer.from(key), 1).seal({ home, kind: "lsn", value: 2 ** 52 });
    const own = far(CURSOR_KEY, `${rows[0].id}.00000001`);
    const malformed = [
      "",
      "x",
      own.slice(1),
      `${own}A`,
      `${own.slice(1)}=`,
      `${own.slice(1)} `,
      "A".repeat(65),
      "1/2",
    ];
    for (const position of malformed.filter((text) => text.trim() === text)) {
      const { status, json } = await api("GET", "/api/v1/books", { headers: { [POSITION]: position } });
      expect([position, status, json.error]).toEqual([position, 400, "invalid_header"]);
    }
    const others = {
      "made up": "A".repeat(own.length),
      "of another key": far("x".repeat(32), `${rows[0].id}.00000001`),
      "of another cluster": far(CURSOR_KEY, "1.00000001"),
      "of another timeline": far(CURSOR_KEY, `${rows[0].id}.00000002`),
      altered: `B${own.slice(1)}`,
    };
    const tripsWith = (position: string) =>
      tripsOf(() => api("GET", "/api/v1/books", { headers: { [POSITION]: position } }));
    for (const [name, position] of Object.entries(others))
      expect([name, await tripsWith(position)]).toEqual([name, [0, 1]]);
    expect(await tripsWith(own)).toEqual([1, 1]);
  });

  test("pages of any origin may read the position and send it", async () => {
    const headers = { Origin: "https://shop.example" };
    const read = await api("GET", "/api/v1/books", { headers });
    expect(read.headers.get("Access-Control-Expose-Headers")?.split(",")).toContain(POSITION);
    const preflight = await api("OPTIONS", "/api/v1/books", { headers });
    expect(preflight.headers.get("Access-Control-Allow-Headers")?.split(",")).toContain(POSITION);
  });

  test.each(["breaks", "hangs"] as const)(
    "a replica that %s is left alone until it answers",
    async (mode) => {
      const { json } = await api("POST", "/api/v1/books", { body: newBook() });
      const path = `/api/v1/books/${json.id}`;
      await cluster.replayed();
      const before = server.told().length;
      ways.replica.mode = mode;
      expect((await api("GET", path)).status).toBe(200);
      await readsFrom("primary");
      const ready = await api("GET", "/ready");
      expect([ready.status, ready.json]).toEqual([
        200,
        { status: "ok", replicas: { configured: 1, read: 0 } },
      ]);
      ways.replica.mode = "answers";
      await readsFrom("replica");
      const { host } = new URL(`${ways.variables.DATABASE_READ_URL}`);
      const told = server.told().slice(before);
      expect(told).toHaveLength(2);
      expect(told[0]).toMatch(
        new RegExp(`^The replica ${host} is not read: it (cannot be reached|does not answer in time)\\.$`),
      );
      expect(told[1]).toBe(`The replica ${host} is read.`);
      expect((await api("GET", "/ready")).json.replicas).toEqual({ configured: 1, read: 1 });
    },
  );

  test("while the primary cannot be reached, reads go on and writes are 503", async () => {
    ways.primary.mode = "breaks";
    for (let read = 0; read < 3; read++) expect((await api("GET", "/api/v1/books")).status).toBe(200);
    const write = () => api("POST", "/api/v1/books", { body: newBook() });
    expect((await write()).status).toBe(503);
    expect((await api("GET", "/ready")).status).toBe(503);
    ways.primary.mode = "answers";
    expect((await write()).status).toBe(201);
  });

  test("a copy that follows the feed over a failing replica, whose replay halts, misses nothing", async () => {
    const copy = new Map<string, number>();
    let cursor = "";
    const follow = async () => {
      const { status, json } = await api("GET", `/api/v1/changes?limit=3${cursor && `&cursor=${cursor}`}`);
      expect(status).toBe(200);
      for (const { id, kind, version } of json.data)
        if (kind === "deleted") copy.delete(id);
        else copy.set(id, version);
      cursor = json.next_cursor;
      return json.more;
    };
    const tag = `Feed ${runtime}`;
    const ids: string[] = [];
    await cluster.whileReplayHalts(async () => {
      for (let step = 0; step < 60; step++) {
        if (step % 3 === 0)
          ids.push((await api("POST", "/api/v1/books", { body: newBook({ title: tag }) })).json.id);
        const id = ids[Math.floor(ids.length / 2)];
        if (step % 3 === 1) await api("PATCH", `/api/v1/books/${id}`, { body: { stock: step } });
        if (step % 7 === 6) await api("DELETE", `/api/v1/books/${ids.shift()}`);
        ways.replica.mode = step % 10 === 9 ? "breaks" : "answers";
        await follow();
      }
    });
    ways.replica.mode = "answers";
    await cluster.replayed();
    while (await follow());
    await readsFrom("replica");
    while (await follow());
    const { rows } = await cluster.primary.query("select id, version::int from books");
    expect(copy).toEqual(new Map(rows.map(({ id, version }) => [id, version])));
  });

  test("no read misses the write before it, while the replay stops and goes on", {
    timeout: 120_000,
  }, async () => {
    const missed: unknown[] = [];
    const walk = async () => {
      const { json } = await api("POST", "/api/v1/books", { body: newBook({ stock: 0 }) });
      const path = `/api/v1/books/${json.id}`;
      for (let stock = 1; stock <= READS / WALKERS; stock++) {
        const written = await api("PATCH", path, { body: { stock } });
        const headers = { [POSITION]: written.headers.get(POSITION) ?? "" };
        const read = await api("GET", path, { headers });
        if (read.json.stock !== stock) missed.push([stock, read.json.stock]);
      }
    };
    await cluster.whileReplayHalts(async () => {
      await Promise.all(Array.from({ length: WALKERS }, walk));
    });
    expect(missed).toEqual([]);
  });

  test("replicas of another cluster, and those that nobody can reach, are not read", async () => {
    const { url } = await createTestDatabase();
    const nobody = "postgres://octavo:secret@127.0.0.1:9/octavo";
    const other = await start(runtime, {
      ...ways.variables,
      DATABASE_URL: url,
      DATABASE_READ_URL: `${ways.variables.DATABASE_READ_URL}, ${nobody}`,
    });
    const there = await createClient(other.url, await tokenFor("admin"));
    await expect
      .poll(async () => {
        const { json } = await there("GET", "/api/v1/books");
        expect(json.data).toEqual([]);
        return other.told().join("\n");
      }, WAIT)
      .toMatch(/cluster.*127\.0\.0\.1:9|127\.0\.0\.1:9.*cluster/s);
    expect(other.told().join()).not.toContain("secret");
    expect((await there("GET", "/ready")).json.replicas).toEqual({ configured: 2, read: 0 });
  });

  test("a replica further behind than REPLICA_MAX_LAG is not read", async () => {
    const strict = await start(runtime, { ...ways.variables, REPLICA_MAX_LAG: "1" });
    const there = await createClient(strict.url, await tokenFor("admin"));
    const { json } = await api("POST", "/api/v1/books", { body: newBook() });
    await cluster.replayed();
    /** Reads until it was told so. */
    const told = async (sentence: RegExp) => {
      const read = async () => {
        await there("GET", `/api/v1/books/${json.id}`);
        return strict.told().at(-1);
      };
      await expect.poll(read, WAIT).toMatch(sentence);
    };
    await cluster.whilePaused(async () => {
      await api("PATCH", `/api/v1/books/${json.id}`, { body: { stock: 99 } });
      await told(/is more than 1 seconds behind/);
      expect((await there("GET", `/api/v1/books/${json.id}`)).json.stock).toBe(99);
    });
    await told(/ is read\.$/);
  });
});

test("a replica that was promoted is not read any more", async () => {
  await cluster.standby.query("select pg_promote(false)");
  for (const check of promotions) await check();
});
