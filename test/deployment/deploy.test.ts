/** `npm run deploy`, with wrangler and Postgres as they are and a stand-in for Cloudflare's API. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { beforeEach, expect, test, vi } from "vitest";
import { directUrl } from "../../ops/deployment.ts";
import { NEWEST_MIGRATION } from "../../src/db/requirements.ts";
import { checkoutWith } from "../support/checkout.ts";
import { type Cloudflare, startCloudflare } from "../support/cloudflare.ts";
import { environmentOf, runBuilt } from "../support/command.ts";
import { createRole, createTestDatabase, type TestDatabase } from "../support/database.ts";

vi.setConfig({ testTimeout: 90_000 });

let cloudflare: Cloudflare;
let database: TestDatabase;

beforeEach(async () => {
  cloudflare = await startCloudflare();
  database = await createTestDatabase();
});

const emptied = async () =>
  database.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");

const deploy = (args: string[] = [], cwd?: string) =>
  runBuilt("deploy", args, { ...cloudflare.variables, DATABASE_URL: database.url }, cwd);

const migrated = async () => {
  const [list] = await database.sql<{ exists: boolean }>(
    "select to_regclass('drizzle.__drizzle_migrations') is not null as exists",
  );
  return list?.exists;
};

const UPLOAD = "POST /workers/scripts/octavo/versions";

test("a deployment migrates an empty database, and then uploads the Worker", async () => {
  await emptied();
  cloudflare.onUpload = async () => expect(await migrated()).toBe(true);
  const { role } = await createRole(database);
  const { code, stdout, stderr } = await deploy(["--grant", role]);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining("secret")]);
  expect(stdout).toMatch(/^Migrations to apply: 0000_functions, /);
  expect(stdout).toMatch(
    /The database is up to date\.\n.*https:\/\/octavo\.shop\.workers\.dev.*The Worker is deployed\.\n$/s,
  );
  expect(cloudflare.changes).toContain(UPLOAD);
  expect(await database.sql(`select has_table_privilege('${role}', 'books', 'update') as may`)).toEqual([
    { may: true },
  ]);
});

test("a dry run says which migrations it would apply, and changes nothing", async () => {
  await emptied();
  const { code, stdout } = await deploy(["--dry-run"]);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^Migrations to apply: 0000_.*nothing was changed\.\n$/s),
  ]);
  expect([await migrated(), cloudflare.changes]).toEqual([false, []]);
});

test("two deployments at once take turns", async () => {
  let running = 0;
  cloudflare.onUpload = async () => {
    expect(++running).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    running--;
  };
  const outcomes = await Promise.all([deploy(), deploy()]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
  expect(
    outcomes.filter(({ stdout }) => stdout.includes("Waiting. Another deployment is running.")),
  ).toHaveLength(1);
  expect(cloudflare.changes.filter((change) => change === UPLOAD)).toHaveLength(2);
});

test("a deployment does not wait for another longer than --wait", async () => {
  const release = await database.hold("select pg_advisory_lock(7250871)");
  const { code, stderr } = await deploy(["--wait", "1"]);
  expect([code, stderr]).toEqual([1, "Another deployment is running.\nNothing was changed.\n"]);
  await release();
});

test("an upload that fails leaves the database migrated, and can be run again", async () => {
  await emptied();
  cloudflare.onUpload = () => Promise.reject(new Error("refused"));
  const { code, stderr } = await deploy();
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/The database is migrated\. .+ Run the command again\.\n$/),
  ]);
  expect(await migrated()).toBe(true);
  cloudflare.onUpload = async () => {};
  expect((await deploy()).code).toBe(0);
});

test("a migration that cannot get its lock leaves the Worker as it is, and says so", async () => {
  await emptied();
  const release = await database.hold("select pg_advisory_xact_lock(7250867)");
  const { code, stderr } = await deploy(["--wait", "2"]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^Another migration is running\.\n.*the Worker was not replaced.*\n$/),
  ]);
  expect(cloudflare.changes).toEqual([]);
  await release();
});

test("a deployment that is stopped says what it has changed, and gives its lock back", async () => {
  const uploading = new Promise<void>((resolve) => {
    cloudflare.onUpload = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  const child = spawn(process.execPath, ["dist/deploy.js"], {
    env: environmentOf({ ...cloudflare.variables, DATABASE_URL: database.url }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  await uploading;
  child.kill("SIGTERM");
  const [code] = await once(child, "close");
  expect([code, stderr]).toEqual([
    130,
    expect.stringMatching(/Stopped\. The database is migrated\. .+ again\.\n$/),
  ]);
  await expect
    .poll(() => database.sql("select from pg_locks where locktype = 'advisory' and objid = 7250871"))
    .toEqual([]);
});

test.each<[string, () => Promise<string> | string | undefined, RegExp]>([
  [
    "a secret is missing",
    () => {
      cloudflare.secrets = ["CURSOR_KEY"];
      return undefined;
    },
    /^DATABASE_URL is not set\. npx wrangler secret put DATABASE_URL\n/,
  ],
  [
    "the code cannot be bundled",
    () => checkoutWith((toml) => toml.replace("src/worker.ts", "src/nothing.ts")),
    /^The Worker cannot be built:\n/,
  ],
  [
    "wrangler.toml cannot be read",
    () => checkoutWith(() => "name ="),
    /^Wrangler cannot read wrangler\.toml/,
  ],
])("nothing is changed if %s", async (_, prepare, sentence) => {
  await emptied();
  const { code, stderr } = await deploy([], await prepare());
  expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
  expect(stderr).toMatch(/\nNothing was changed\.\n$/);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect([await migrated(), cloudflare.changes]).toEqual([false, []]);
});

test("an older version deploys onto a database with later migrations, and says that there are some", async () => {
  await database.sql("update drizzle.__drizzle_migrations set created_at = $1 where created_at = $2", [
    NEWEST_MIGRATION + 1,
    NEWEST_MIGRATION,
  ]);
  const { code, stdout } = await deploy();
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^The database has migrations of a later version/),
  ]);
});

test("the pooler of Neon is passed by", () => {
  const pooled = "postgres://a:b@ep-cool-1-pooler.eu-central-1.aws.neon.tech/octavo?sslmode=require";
  expect(directUrl(pooled)).toBe(pooled.replace("-pooler", ""));
  const other = "postgres://a:b@db-pooler.example/octavo";
  expect(directUrl(other)).toBe(other);
});

test.each([[["--what"]], [["--wait", "x"]], [["--env", "a b"]], [["--grant", ""]], [["x"]]])(
  "npm run deploy explains the arguments %j",
  async (args) => {
    expect(await deploy(args)).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^Usage: npm run deploy .+\n$/),
    });
  },
);

test("npm run deploy explains that DATABASE_URL is not set", async () => {
  const { code, stderr } = await runBuilt("deploy", [], cloudflare.variables);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^DATABASE_URL is not set: .+\n$/)]);
});
