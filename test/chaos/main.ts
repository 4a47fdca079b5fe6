/**
 * `npm run test:chaos [-- --minutes 2] [--report FILE] [--runtimes node,bun] [--only TEXT] [--pause 40]`: breaks the
 * database and misbehaves as a client, one way after the other, while servers on each runtime are asked for everything. An
 * answer has to be right or a 503 that says so, and all that was confirmed has to be in the database, once.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { runProgram } from "../support/main.ts";
import { audit } from "./audit.ts";
import { CLIENT_FAULTS } from "./client-faults.ts";
import { DATABASE_FAULTS } from "./database-faults.ts";
import type { World } from "./fault.ts";
import { type ChaosOptions, chaosOptions } from "./options.ts";
import { reportOf } from "./report.ts";
import { type Effect, suffer, until, type Watched } from "./run.ts";
import { close, openShop } from "./shop.ts";
import type { Journal } from "./writes.ts";

const CALM_MS = 4000;
/** Writes to confirm in each minute: 10,000 in ten. */
const WRITES_PER_MINUTE = 1000;
/** Of the time of a fault, so much passes until the next begins, for the recovery. */
const RECOVERY_SHARE = 0.35;

const FAULTS = [...DATABASE_FAULTS, ...CLIENT_FAULTS];

async function main(options: ChaosOptions): Promise<void> {
  const { world, watched, callers, followers, journal } = await openShop(options.runtimes, options);
  const { effects, unmet } = await sufferAll(world, watched, journal, options);
  await settle(watched, journal, options.minutes * WRITES_PER_MINUTE).catch(({ message }) =>
    unmet.push(message),
  );
  await close(watched);
  // Why an answer was a 500, only the log knows.
  for (const { runtime, logs } of world.servers)
    for (const line of logs().filter((line) => line.includes('"internal_error"')))
      console.log(runtime, line.slice(0, 3000));
  for (const follower of followers) await until(() => follower.reachesEnd(), "the feed ends");
  const faults = [
    ...unmet,
    ...watched.flatMap(({ watch }) => watch.faults),
    ...(await audit(world.cluster, journal, followers)),
  ];
  const slowest = Math.max(...callers.map((caller) => caller.slowest));
  const report = reportOf(effects, {
    minutes: options.minutes,
    confirmed: journal.confirmed,
    slowest,
    faults,
  });
  console.log(`\n${report}`);
  if (options.report) await writeFile(options.report, report);
  if (faults.length > 0) process.exitCode = 1;
}

async function sufferAll(
  world: World,
  watched: Watched[],
  journal: Journal,
  { minutes, only }: ChaosOptions,
): Promise<{ effects: Effect[]; unmet: string[] }> {
  await sleep(CALM_MS);
  for (const each of watched) {
    each.rate = each.watch.right / ((performance.now() - each.watch.since) / 1000);
    console.log(`${each.watch.server.runtime} answers ${each.rate.toFixed(0)} requests per second.`);
  }
  const faults = FAULTS.filter((fault) => {
    const reason = fault.unable?.(world);
    if (reason) console.log(`${fault.name}: skipped, because ${reason}.`);
    return !reason && new RegExp(only).test(fault.name);
  });
  const share = (minutes * 60_000) / faults.length;
  const effects: Effect[] = [];
  const unmet: string[] = [];
  for (const [at, fault] of faults.entries()) {
    const started = performance.now();
    const suffered = await suffer(fault, world, watched, share * (1 - RECOVERY_SHARE));
    effects.push(...suffered);
    const told = suffered.flatMap(({ unmet }) => unmet);
    unmet.push(...told);
    // The last errors say why.
    if (told.length > 0)
      for (const { runtime, logs } of world.servers) console.log(runtime, logs().at(-1)?.slice(0, 600));
    const wrong = watched.reduce((sum, { watch }) => sum + watch.faults.length, 0);
    const took = ((performance.now() - started) / 1000).toFixed(0);
    console.log(
      `[${at + 1}/${faults.length}] ${fault.name}: ${took} s, ${journal.confirmed} writes, ${wrong} wrong answers`,
    );
    await sleep(Math.max(0, share - (performance.now() - started)));
  }
  return { effects, unmet };
}

/** Waits until enough writes are confirmed, and those that were sent last. */
async function settle(watched: Watched[], journal: Journal, writes: number): Promise<void> {
  for (const { watch } of watched) watch.restart();
  await until(() => journal.confirmed >= writes, `${writes} writes are confirmed`, 600_000);
  for (const { watch } of watched) {
    await until(
      () => watch.silent.length === 0,
      () => `${watch.server.runtime} answers ${watch.silent}`,
    );
  }
}

await runProgram(() => main(chaosOptions(process.argv.slice(2))));
