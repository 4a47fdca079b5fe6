/** `npm run deploy`, with wrangler and Postgres as they are and a stand-in for Cloudflare's API. */
import { beforeEach, expect, test, vi } from "vitest";
import { directUrl } from "../../ops/deployment.ts";
import { NEWEST_MIGRATION } from "../../src/db/requirements.ts";
import { runBuilt } from "../support/command.ts";
import { createRole } from "../support/database.ts";
import { Site, UPLOAD } from "../support/site.ts";

vi.setConfig({ testTimeout: 90_000 });

let site: Site;

beforeEach(async () => {
  site = await Site.create();
});

test("a deployment migrates an empty database, and then uploads the Worker", async () => {
  await site.emptied();
  site.cloudflare.onUpload = async () => expect(await site.migrated()).toBe(true);
  const { role } = await createRole(site.database);
  const { code, stdout, stderr } = await site.deploy(["--grant", role]);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining("secret")]);
  expect(stdout).toMatch(/^Migrations to apply: 0000_functions, /);
  expect(stdout).toMatch(
    /The database is up to date\.\n.*https:\/\/octavo\.shop\.workers\.dev.*The Worker is deployed\.\n$/s,
  );
  expect(site.cloudflare.changes).toContain(UPLOAD);
  expect(await site.database.sql(`select has_table_privilege('${role}', 'books', 'update') as may`)).toEqual([
    { may: true },
  ]);
});

test("two deployments at once take turns", async () => {
  let running = 0;
  site.cloudflare.onUpload = async () => {
    expect(++running).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    running--;
  };
  const outcomes = await Promise.all([site.deploy(), site.deploy()]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
  expect(
    outcomes.filter(({ stdout }) => stdout.includes("Waiting. Another deployment is running.")),
  ).toHaveLength(1);
  expect(site.cloudflare.changes.filter((change) => change === UPLOAD)).toHaveLength(2);
});

test("an older version deploys onto a database with later migrations, and says that there are some", async () => {
  await site.database.sql("update drizzle.__drizzle_migrations set created_at = $1 where created_at = $2", [
    NEWEST_MIGRATION + 1,
    NEWEST_MIGRATION,
  ]);
  const { code, stdout } = await site.deploy();
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
    expect(await site.deploy(args)).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^Usage: npm run deploy .+\n$/),
    });
  },
);

test("npm run deploy explains that DATABASE_URL is not set", async () => {
  const { code, stderr } = await runBuilt("deploy", [], site.cloudflare.variables);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^DATABASE_URL is not set: .+\n$/)]);
});
