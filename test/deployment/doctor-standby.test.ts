/** `npm run doctor` on a standby and on its primary. */
import type pg from "pg";
import { beforeAll, expect, test } from "vitest";
import { examineReplication } from "../../ops/doctor/activity.ts";
import { migrate } from "../../ops/migrations.ts";
import { examine, of } from "../support/doctor.ts";
import { open } from "../support/replicas.ts";
import { type Replicated, startReplicated } from "../support/standby.ts";
import { SECRET } from "../support/token.ts";

let urls: Replicated;
let primary: pg.Client;
let standby: pg.Client;

beforeAll(async () => {
  urls = await startReplicated("octavo");
  await migrate(urls.primary);
  primary = await open(urls.primary);
  standby = await open(urls.standby);
});

const replayed = () =>
  expect
    .poll(async () => {
      const { rows } = await primary.query("select pg_current_wal_flush_lsn() as lsn");
      const { rows: on } = await standby.query("select pg_last_wal_replay_lsn() >= $1 as done", [
        rows[0].lsn,
      ]);
      return on[0].done;
    })
    .toBe(true);

test("a standby as the database of the app is a warning, and has no fault if it follows", async () => {
  await replayed();
  const report = await examine({ DATABASE_URL: urls.standby, AUTH_SECRET: SECRET, PORT: "0" });
  expect(of(report, "standby")).toMatchObject([
    { status: "warning", remedy: expect.stringContaining("primary") },
  ]);
  expect(of(report, "lag")).toMatchObject([{ status: "ok" }]);
  expect(report.faults).toBe(0);
});

test("the primary names the standbys that follow it", async () => {
  const report = await examine({ DATABASE_URL: urls.primary, AUTH_SECRET: SECRET, PORT: "0" });
  expect(of(report, "lag")).toMatchObject([{ status: "ok", message: "The standby second follows." }]);
});

test("the replicas of DATABASE_READ_URL are examined, and none of them is a fault", async () => {
  await primary.query("insert into tasks (title) values ('Order paper')");
  await replayed();
  const broken = urls.standby.replace(/:\d+\//, ":9/");
  const report = await examine({
    DATABASE_URL: urls.primary,
    DATABASE_READ_URL: [urls.standby, urls.primary, broken].join(),
    AUTH_SECRET: SECRET,
    PORT: "0",
  });
  const { host } = new URL(urls.standby);
  expect(of(report, "replica")).toMatchObject([
    { status: "ok", message: `The replica ${host} follows the primary, and is read.` },
    { status: "warning", message: expect.stringMatching(/is not read: it is not a standby\.$/) },
    { status: "warning", message: expect.stringMatching(/is not read: it cannot be reached \(.+\)\.$/) },
  ]);
  expect(report.faults).toBe(0);
});

test("a standby that does not follow is a warning that says how far it is behind", async () => {
  await replayed();
  await standby.query("select pg_wal_replay_pause()");
  await primary.query("insert into tasks (title) values ('Order ink')");
  await expect
    .poll(async () => (await examineReplication(standby, 0)).at(-1))
    .toMatchObject({
      status: "warning",
      message: expect.stringMatching(/^The standby is \d+ seconds? behind\.$/),
    });
  await standby.query("select pg_wal_replay_resume()");
});
