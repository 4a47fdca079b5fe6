/** `npm run bench`: a comparison from its arguments to its report, and its check of searches. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { isInstalled } from "../../bench/load.ts";
import { verifyNewest, verifyRelevant } from "../../bench/verify-search.ts";
import { createTestDatabase } from "../support/database.ts";
import { inDirectory, prepareDev } from "../support/dev.ts";

prepareDev();

const run = promisify(execFile);

const bench = (...args: string[]) =>
  run(process.execPath, ["bench/main.ts", ...args], {
    env: { ...process.env, DATA_DIR: inDirectory("data") },
  });

test.skipIf(!(await isInstalled("wrk")))(
  "a comparison with a commit reports ratios and leaves no worktree behind (needs wrk)",
  async () => {
    const { stdout: before } = await run("git", ["worktree", "list"]);
    const short = ["--quick", "--books", "2000", "--connections", "4"];
    const { stdout } = await bench(
      "--against",
      "HEAD",
      ...short,
      "--targets",
      "octavo-node",
      "--workloads",
      "page",
    );
    expect(stdout).toMatch(/Octavo on Node: this tree to [0-9a-f]+( +[\d.]+ × \([\d.]+–[\d.]+\)){4}\n/);
    expect(stdout).toMatch(/Octavo on Node: this tree to itself( +[\d.]+ × \([\d.]+–[\d.]+\)){4}\n/);
    expect((await run("git", ["worktree", "list"])).stdout).toBe(before);
  },
);

test("npm run bench explains in a sentence that a commit does not exist", async () => {
  await expect(bench("--against", "no-such-commit")).rejects.toMatchObject({
    code: 1,
    stderr: "--against no-such-commit: this repository has no such commit.\n",
  });
});

test.each(["main", "edge", "pages", "processes", "replicas", "scale/measure"])(
  "bench/%s.ts says how to install wrk before it does anything",
  async (name) => {
    // The empty directory of this test has no programs.
    const env = { ...process.env, PATH: inDirectory("."), DATA_DIR: inDirectory("data") };
    await expect(run(process.execPath, [`bench/${name}.ts`], { env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^The benchmark needs wrk: apt install wrk/),
    });
  },
);

describe("the check of searches", () => {
  const books = ["Tides of Salt", "Tides of Salt (Coast, #1)", "Saltwater Tides of Old", "Stone Tides"];

  async function catalogue() {
    const database = await createTestDatabase();
    const client = await database.connect();
    onTestFinished(() => client.end());
    const { rows } = await client.query<{ id: string }>(
      `insert into books (title, author, isbn, price, created_at)
       select title, 'Mara Quill', '978000000000' || n, 9, now() - n * interval '1 minute'
       from unnest($1::text[]) with ordinality as book (title, n) returning id`,
      [books],
    );
    return { client, ids: rows.map(({ id }) => id) };
  }

  test("takes answers by relevance that have all books, the title itself first", async () => {
    const { client, ids } = await catalogue();
    const [equal, volume, beginning, other] = ids as [string, string, string, string];
    const check = (term: string, match: string | null, ...ids: string[]) =>
      verifyRelevant(client, term, { ids, match });
    await check("tides of salt", "all", equal, volume, beginning);
    await check("tides of salt", "all", volume, equal);
    await expect(check("tides of salt", "all", beginning, volume, equal)).rejects.toThrow("another title");
    await expect(check("tides of salt", "all", equal)).rejects.toThrow("books have all words");
    await expect(check("tides of salt", "all", equal, volume, other)).rejects.toThrow("not all words");
    await expect(check("tides of salt", "similar", equal, volume)).rejects.toThrow();
    await check("quill stone", "all", other);
    await check("tides of sal", "all", beginning, equal, volume);
    await check("stoen", "similar", other);
    await expect(check("stoen", "all", other)).rejects.toThrow("not all words");
    await check("xylophone", null);
    await expect(check("xylophone", null, other)).rejects.toThrow();
  });

  test("takes the newest books that a peer promises, in their order", async () => {
    const { client, ids } = await catalogue();
    const check = (search: "ilike" | "websearch", term: string, found: string[]) =>
      verifyNewest(client, search, term, { ids: found });
    await check("ilike", "TIDES OF", ids.slice(0, 3));
    await expect(check("ilike", "TIDES OF", ids.slice(0, 3).reverse())).rejects.toThrow();
    await check("websearch", "quill tide salt", ids.slice(0, 2));
    await expect(check("websearch", "quill tide salt", ids)).rejects.toThrow();
  });
});
