/** Deployments that change nothing, that fail on the way, or that are stopped. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { beforeEach, expect, test, vi } from "vitest";
import { checkoutWith } from "../support/checkout.ts";
import { environmentOf } from "../support/command.ts";
import { Site } from "../support/site.ts";

vi.setConfig({ testTimeout: 90_000 });

let site: Site;

beforeEach(async () => {
  site = await Site.create();
});

test("a dry run says which migrations it would apply, and changes nothing", async () => {
  await site.emptied();
  const { code, stdout } = await site.deploy(["--dry-run"]);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^Migrations to apply: 0000_.*nothing was changed\.\n$/s),
  ]);
  expect([await site.migrated(), site.cloudflare.changes]).toEqual([false, []]);
});

test("a deployment does not wait for another longer than --wait", async () => {
  const release = await site.database.hold("select pg_advisory_lock(7250871)");
  const { code, stderr } = await site.deploy(["--wait", "1"]);
  expect([code, stderr]).toEqual([1, "Another deployment is running.\nNothing was changed.\n"]);
  await release();
});

test("an upload that fails leaves the database migrated, and can be run again", async () => {
  await site.emptied();
  site.cloudflare.onUpload = () => Promise.reject(new Error("refused"));
  const { code, stderr } = await site.deploy();
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/The database is migrated\. .+ Run the command again\.\n$/),
  ]);
  expect(await site.migrated()).toBe(true);
  site.cloudflare.onUpload = async () => {};
  expect((await site.deploy()).code).toBe(0);
});

test("a migration that cannot get its lock leaves the Worker as it is, and says so", async () => {
  await site.emptied();
  const release = await site.database.hold("select pg_advisory_xact_lock(7250867)");
  const { code, stderr } = await site.deploy(["--wait", "2"]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^Another migration is running\.\n.*the Worker was not replaced.*\n$/),
  ]);
  expect(site.cloudflare.changes).toEqual([]);
  await release();
});

test("a deployment that is stopped says what it has changed, and gives its lock back", async () => {
  const uploading = new Promise<void>((resolve) => {
    site.cloudflare.onUpload = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  const child = spawn(process.execPath, ["dist/deploy.js"], {
    env: environmentOf({ ...site.cloudflare.variables, DATABASE_URL: site.database.url }),
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
    .poll(() => site.database.sql("select from pg_locks where locktype = 'advisory' and objid = 7250871"))
    .toEqual([]);
});

test.each<[string, () => Promise<string> | string | undefined, RegExp]>([
  [
    "a secret is missing",
    () => {
      site.cloudflare.secrets = ["CURSOR_KEY"];
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
  await site.emptied();
  const { code, stderr } = await site.deploy([], await prepare());
  expect([code, stderr]).toEqual([1, expect.stringMatching(sentence)]);
  expect(stderr).toMatch(/\nNothing was changed\.\n$/);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect([await site.migrated(), site.cloudflare.changes]).toEqual([false, []]);
});
