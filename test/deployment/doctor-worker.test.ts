/** `npm run doctor -- --worker`: what it finds in wrangler.toml and in the secrets of a Worker. Wrangler itself runs. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { checkoutWith } from "../support/checkout.ts";
import { type Cloudflare, startCloudflare } from "../support/cloudflare.ts";
import { examine, goodServer, of } from "../support/doctor.ts";

let cloudflare: Cloudflare;

beforeEach(async () => {
  cloudflare = await startCloudflare();
});

const GOOD = ["DATABASE_URL", "CURSOR_KEY", "SESSION_KEY", "AUTH_SECRET"];

const worker = async (change?: (toml: string) => string, secrets: string[] | undefined = GOOD) => {
  cloudflare.secrets = secrets;
  return examine(cloudflare.variables, ["--worker"], await checkoutWith(change));
};

/** Adds variables to wrangler.toml. */
const withVars = (vars: string) => (toml: string) =>
  toml.replace("[env.staging]", `[vars]\n${vars}\n\n[env.staging]`);

test("a Worker with its secrets is fine, and so is the database of the shell", async () => {
  const { variables } = await goodServer();
  const given = { ...cloudflare.variables, DATABASE_URL: variables.DATABASE_URL };
  const report = await examine(given, ["--worker"]);
  expect(report).toMatchObject({ faults: 0, warnings: 0 });
  expect(of(report, "secrets")).toMatchObject([{ status: "ok" }]);
  expect(of(report, "rights")).toMatchObject([{ status: "ok" }]);
});

test.each([
  ["DATABASE_URL", "npx wrangler secret put DATABASE_URL"],
  ["CURSOR_KEY", "npx wrangler secret put CURSOR_KEY"],
])("the secret %s that is missing is a fault", async (name, remedy) => {
  const report = await worker(
    undefined,
    GOOD.filter((secret) => secret !== name),
  );
  expect(of(report, "secrets")).toMatchObject([{ status: "fault", remedy }]);
});

test("an environment has secrets of its own", async () => {
  const staging = await startCloudflare("octavo-staging");
  staging.secrets = [];
  const report = await examine(staging.variables, ["--worker", "--env", "staging"]);
  const remedies = of(report, "secrets").map(({ remedy }) => remedy);
  expect(remedies).toContain("npx wrangler secret put DATABASE_URL --env staging");
});

test.each([
  ["that does not cache", false, "ok"],
  ["that caches", true, "fault"],
  ["that is not there", undefined, "fault"],
])("over a Hyperdrive %s, a Worker needs no DATABASE_URL", async (_, caches, status) => {
  const over = await startCloudflare("octavo-hyperdrive");
  Object.assign(over, { secrets: ["CURSOR_KEY", "SESSION_KEY", "AUTH_SECRET"], hyperdriveCaches: caches });
  const report = await examine(over.variables, ["--worker", "--env", "hyperdrive"]);
  expect(of(report, "secrets")).toMatchObject([{ status: "ok" }]);
  expect(of(report, "hyperdrive")).toMatchObject([{ status }]);
});

test("a Worker that was never deployed lacks all secrets", async () => {
  cloudflare.secrets = undefined;
  const report = await examine(cloudflare.variables, ["--worker"]);
  expect(of(report, "secrets")).toMatchObject([{ status: "fault" }]);
});

test("the identity provider is that of wrangler.toml", async () => {
  const issuer = "http://127.0.0.1:9";
  const vars = withVars(`AUTH_ISSUER = "${issuer}"\nAUTH_AUDIENCE = "octavo"`);
  const report = await worker(vars, ["DATABASE_URL", "CURSOR_KEY"]);
  expect(of(report, "issuer")).toMatchObject([{ status: "fault", remedy: expect.stringContaining(issuer) }]);
});

const VARIABLES = [
  ["a secret in wrangler.toml", 'CURSOR_KEY = "hidden"', "secrets", "fault"],
  ["a variable that is wrong", 'SHOP_CURRENCY = "hidden"', "SHOP_CURRENCY", "fault"],
  ["a variable that is misspelled", 'PUBLIC_URI = "hidden"', "misspelling", "warning"],
  ["a quota that is not the binding's", 'RATE_LIMIT = "60/60"', "quota", "warning"],
  ["a cache that keeps nothing", 'EDGE_CACHE_SECONDS = "60"', "cache", "warning"],
] as const;
/** One run tells all of them. */
let toldOfAll: ReturnType<typeof worker> | undefined;
test.each(VARIABLES)("%s is told", async (_, _vars, check, status) => {
  toldOfAll ??= worker(withVars(VARIABLES.map(([, line]) => line).join("\n")));
  expect(of(await toldOfAll, check)).toContainEqual(expect.objectContaining({ status }));
});

const OBJECTS = '[[durable_objects.bindings]]\nname = "RATE_LIMITER_DO"\nclass_name = ';
const MIGRATION = '\n[[migrations]]\ntag = "quota-window"\nnew_sqlite_classes = ["QuotaWindow"]';
test.each([
  ["a Durable Object of another class", `${OBJECTS}"Another"${MIGRATION}`, "fault"],
  ["a Durable Object without storage", `${OBJECTS}"QuotaWindow"`, "fault"],
  ["a Durable Object that can count", `${OBJECTS}"QuotaWindow"${MIGRATION}`, undefined],
])("%s is told", async (_, lines, status) => {
  const report = await worker((toml) => toml.replace("[env.staging]", `${lines}\n\n[env.staging]`));
  expect(of(report, "objects").map((finding) => finding.status)).toEqual(status ? [status] : []);
});

test.each<[string, (toml: string) => string]>([
  ["cannot be read", () => "name ="],
  ["has no name", (toml) => toml.replace('name = "octavo"', "name = 1")],
])("a wrangler.toml that %s is a fault", async (_, change) => {
  expect(of(await worker(change), "wrangler.toml")).toMatchObject([{ status: "fault" }]);
});

test("a folder without wrangler.toml, and an environment that is not in it, are faults", async () => {
  const folder = await checkoutWith();
  const nowhere = await examine(cloudflare.variables, ["--worker", "--env", "nowhere"], folder);
  expect(of(nowhere, "wrangler.toml")).toMatchObject([{ status: "fault" }]);
  await rm(join(folder, "wrangler.toml"));
  const none = await examine(cloudflare.variables, ["--worker"], folder);
  expect(of(none, "wrangler.toml")).toMatchObject([{ status: "fault" }]);
});

test("a token that Cloudflare rejects is a fault", async () => {
  const report = await examine({ ...cloudflare.variables, CLOUDFLARE_API_TOKEN: "hidden" }, ["--worker"]);
  expect(of(report, "secrets")).toMatchObject([
    { status: "fault", remedy: expect.stringContaining("wrangler login") },
  ]);
});
