/** `db:migrate` as in production: from the bundle, without node_modules, and with a role of few privileges. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { migrate } from "../../ops/migrations.ts";
import { createRole, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";

/** A directory that contains only the bundle. */
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "octavo-migrate-"));
  atEnd(() => rm(directory, { recursive: true }));
  await cp("dist", join(directory, "dist"), { recursive: true });
  await cp("package.json", join(directory, "package.json"));
});

interface Run {
  code: number | null;
  output: string;
  error: string;
}

const run = (url: string, ...flags: string[]) => runIn("dist", url, flags);

async function runIn(dist: string, url: string, flags: string[] = []): Promise<Run> {
  const child = spawn(process.execPath, [`${dist}/migrate.js`, ...flags], {
    cwd: directory,
    env: { DATABASE_URL: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let error = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    error += chunk;
  });
  const [code] = await once(child, "close");
  return { code, output, error };
}

const emptyDatabase = async (): Promise<TestDatabase> => {
  const database = await createTestDatabase();
  await database.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");
  return database;
};

test("db:migrate brings an empty database up to date, and leaves an up-to-date one unchanged", async () => {
  const database = await emptyDatabase();
  const first = await run(database.url);
  expect(first).toEqual({
    code: 0,
    error: "",
    output: expect.stringMatching(/^\d+ migrations were applied\.\nThe database is up to date\.\n$/),
  });
  expect(await run(database.url)).toEqual({ code: 0, error: "", output: "The database is up to date.\n" });
});

test("simultaneous runs of db:migrate take turns", async () => {
  const database = await emptyDatabase();
  const applied = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
  const [rows] = await database.sql<{ count: number }>(
    "select count(*)::int, count(distinct hash)::int as hashes from drizzle.__drizzle_migrations",
  );
  expect(applied.reduce((sum, count) => sum + count)).toBe(rows?.count);
  expect(rows).toMatchObject({ hashes: rows?.count });
});

test("db:migrate sets the statement timeout of a restored database, and keeps one that the operator set", async () => {
  const database = await createTestDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const timeout = async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query("show statement_timeout");
    await client.end();
    return rows[0].statement_timeout;
  };
  await database.sql(`alter database ${name} reset statement_timeout`);
  await run(database.url);
  expect(await timeout()).toBe("8s");
  await database.sql(`alter database ${name} set statement_timeout = '3s'`);
  await run(database.url);
  expect(await timeout()).toBe("3s");
});

describe("failures of db:migrate", () => {
  const expectSentence = ({ code, error }: Run, sentence: RegExp) => {
    expect([code, error]).toEqual([1, expect.stringMatching(sentence)]);
    expect(error).not.toMatch(/\n\s+at |secret/);
  };

  test("db:migrate explains in a sentence that the role does not own the database", async () => {
    const { role, url } = await createRole(await createTestDatabase());
    expectSentence(
      await run(url),
      new RegExp(`^The role ${role} does not own the database test_\\w+: migrate as \\w+, .*\\.\\n$`),
    );
  });

  test("db:migrate explains in a sentence that the encoding is wrong", async () => {
    const database = await createTestDatabase();
    const name = `latin_${randomBytes(6).toString("hex")}`;
    await database.sql(
      `create database ${name} template template0 encoding latin1 locale_provider libc locale 'C'`,
    );
    const url = Object.assign(new URL(database.url), { pathname: `/${name}` }).href;
    expectSentence(await run(url), /^Octavo needs a database in UTF8, but this one is in LATIN1: .*\.\n$/);
    await database.sql(`drop database ${name}`);
  });

  test("db:migrate explains in a sentence that a table stays locked, after the time that --wait gives", async () => {
    // A version with one more migration.
    await cp("dist", join(directory, "newer"), { recursive: true });
    const journal = join(directory, "newer/drizzle/meta/_journal.json");
    const { entries, ...rest } = JSON.parse(await readFile(journal, "utf8"));
    const newest = entries.at(-1);
    const next = { ...newest, idx: newest.idx + 1, when: newest.when + 1, tag: "9999_next" };
    await writeFile(journal, JSON.stringify({ ...rest, entries: [...entries, next] }));
    await writeFile(join(directory, "newer/drizzle/9999_next.sql"), "alter table books add column next text");
    const database = await createTestDatabase();
    const release = await database.hold("lock table books in access share mode");
    expectSentence(
      await runIn("newer", database.url, ["--wait", "2"]),
      /^The migration \w+ needs a table that .*\.\n$/,
    );
    await release();
    expect((await runIn("newer", database.url)).code).toBe(0);
  });

  test("db:migrate explains in a sentence that another session holds the migration lock", async () => {
    const database = await createTestDatabase();
    const client = await database.connect();
    await client.query("select pg_advisory_lock(7250867)");
    expectSentence(
      await run(database.url, "--wait", "2"),
      /^The Postgres session (\d+) holds the migration lock .* select pg_terminate_backend\(\1\)\.\n$/,
    );
    await client.end();
  });

  test("db:migrate explains in a sentence that a migration failed, and keeps nothing of it", async () => {
    const database = await createTestDatabase();
    await database.sql("drop schema drizzle cascade");
    expectSentence(
      await run(database.url),
      /^The migration 0000_functions failed and was rolled back\. .* \(SQLSTATE 42723\)\.\n$/,
    );
    const [left] = await database.sql("select to_regclass('drizzle.__drizzle_migrations') as left");
    expect(left).toEqual({ left: null });
  });

  test("db:migrate explains in a sentence that the database cannot be reached", async () => {
    expectSentence(
      await run("postgres://nobody:secret@127.0.0.1:1/x"),
      /^The database at 127\.0\.0\.1:1 cannot be reached: .*\.\n$/,
    );
  });

  test("db:migrate explains in a sentence that DATABASE_URL is invalid", async () => {
    expectSentence(await run("no url"), /^DATABASE_URL is not a URL\.\n$/);
  });

  test("db:migrate explains in a sentence that DATABASE_URL is missing without development dependencies", async () => {
    expectSentence(
      await run(""),
      /^DATABASE_URL is not set, and the embedded Postgres is not installed: .*\.\n$/,
    );
  });

  test.each([[["--grant", ""]], [["--grant"]], [["--wait", "x"]], [["--what"]]])(
    "db:migrate explains %j in a sentence",
    async (flags) => {
      expectSentence(
        await run("postgres://nobody:secret@127.0.0.1:1/x", ...flags),
        /^Usage: npm run db:migrate .*\n$/,
      );
    },
  );

  test("db:migrate explains in a sentence that the role of --grant does not exist", async () => {
    const database = await createTestDatabase();
    expectSentence(
      await run(database.url, "--grant", "nobody-here"),
      /^Postgres rejected the statement: role "nobody-here" does not exist .*\.\n$/,
    );
  });
});
