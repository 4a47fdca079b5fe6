/** One fault after the other, and what each did to every server and route. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, World } from "./fault.ts";
import type { Readiness, Watch } from "./watch.ts";

/** What a fault did to a kind of route on a runtime. */
export interface Cell {
  right: number;
  unavailable: number;
  /** Seconds from the end of the fault until a request was answered right. */
  recovery: number;
}

/** What a fault did to a server. */
export interface Effect {
  fault: string;
  runtime: string;
  cells: Map<string, Cell>;
  /** Seconds until `/ready` was red, and after the end of the fault until it was green; undefined if it stayed green. */
  red: number | undefined;
  green: number | undefined;
  /** Seconds after the end of the fault until the server was a quarter as fast as before. */
  throughput: number;
  /** Of requests during the fault, in milliseconds. */
  p99: number;
  /** Sentences about what did not come true. */
  unmet: string[];
}

/** Recovery takes longer on a busy machine, so only its absence is a failure. The table tells how long it took. */
const PATIENCE_MS = 30_000;
/** As fast as before, for a machine whose load changes. */
const SHARE = 0.25;
const POLL_MS = 20;
/** For each right answer to honest clients, so many may be a 503 because of the machine's own load. */
const MAX_UNAVAILABLE = 1;

/** A server with its clients. */
export interface Watched {
  watch: Watch;
  readiness: Readiness;
  /** Right answers per second while all is well. */
  rate: number;
}

/** Lets a fault happen for a while, and waits until every route of every server has answered right again. */
export async function suffer(
  fault: Fault,
  world: World,
  watched: Watched[],
  milliseconds: number,
): Promise<Effect[]> {
  const end = await fault.begin(world);
  const begun = performance.now();
  for (const { watch } of watched) watch.restart();
  await sleep(milliseconds);
  const reds = await Promise.all(
    watched.map(({ readiness }) =>
      fault.reddens ? readiness.turns(false, PATIENCE_MS) : !readiness.isReady,
    ),
  );
  const red = watched.map(({ readiness }, at) =>
    reds[at] ? Math.max(0, readiness.since - begun) / 1000 : undefined,
  );
  await end();
  const ended = performance.now();
  return Promise.all(
    watched.map(async (each, at) => {
      const effect = await recover(fault, each, ended, red[at]);
      if (fault.reddens && !reds[at])
        effect.unmet.push(`/ready of ${effect.runtime} stays green: ${fault.name}.`);
      return effect;
    }),
  );
}

/** Waits until a server is as it was, and tells how long that took. */
async function recover(
  fault: Fault,
  { watch, readiness, rate }: Watched,
  ended: number,
  red: number | undefined,
): Promise<Effect> {
  const { runtime } = watch.server;
  const patience = PATIENCE_MS + (fault.recovery ?? 0);
  const unmet: string[] = [];
  const tell = ({ message }: Error) => void unmet.push(message);
  // Requests that began during the fault still count there when they are answered.
  const during = watch.restart();
  const silence = () => `${runtime} answers ${watch.silent} after ${fault.name}`;
  const [throughput] = await Promise.all([
    throughputBack(watch, rate, patience, fault.name).catch(tell),
    until(() => watch.silent.length === 0, silence, patience).catch(tell),
  ]);
  if (!(await readiness.turns(true, patience))) unmet.push(`${runtime} is not ready after ${fault.name}.`);
  const cells = new Map(
    watch.routes.map((route): [string, Cell] => {
      const { right = 0, unavailable = 0 } = during.get(route) ?? {};
      const { firstRight = Number.POSITIVE_INFINITY } = watch.tally(route);
      return [route, { right, unavailable, recovery: (firstRight - ended) / 1000 }];
    }),
  );
  // Nobody misbehaves towards workerd, and it shares the machine with those who do.
  if (fault.of === "client" && runtime !== "workerd")
    unmet.push(...missingAnswers(cells, `${runtime} while ${fault.name}`));
  return {
    fault: fault.name,
    runtime,
    cells,
    red,
    green: red === undefined ? undefined : Math.max(0, readiness.since - ended) / 1000,
    throughput: throughput ?? Number.POSITIVE_INFINITY,
    p99: percentile(
      [...during.values()].flatMap(({ times }) => times),
      0.99,
    ),
    unmet,
  };
}

/** Other clients excuse no 503, but a busy machine does now and then. */
function missingAnswers(cells: Map<string, Cell>, when: string): string[] {
  const sum = (name: "right" | "unavailable") =>
    [...cells.values()].reduce((total, cell) => total + cell[name], 0);
  const [right, unavailable] = [sum("right"), sum("unavailable")];
  return right === 0 || unavailable > right * MAX_UNAVAILABLE
    ? [`Honest clients got ${right} answers and ${unavailable} times 503 from ${when}.`]
    : [];
}

/** Seconds until a server gave as many right answers in a second as it should. */
async function throughputBack(watch: Watch, rate: number, patience: number, name: string): Promise<number> {
  const started = performance.now();
  const moments: [at: number, right: number][] = [[started, 0]];
  let back = 0;
  const isBack = () => {
    const now = performance.now();
    moments.push([now, watch.right]);
    while ((moments[1]?.[0] ?? now) < now - 1000) moments.shift();
    const [[from, before] = [now, 0]] = moments;
    if (now - from < 500 || (watch.right - before) / ((now - from) / 1000) < rate * SHARE) return false;
    back = Math.max(0, (from - started) / 1000);
    return true;
  };
  await until(isBack, `${watch.server.runtime} is as fast as before ${name}`, patience);
  return back;
}

/** Waits for a condition. @throws a sentence that names it, when the patience ends */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  patience = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + patience;
  while (!(await condition())) {
    if (performance.now() > end)
      throw new Error(
        `This did not come true in ${Math.round(patience / 1000)} s: ${typeof what === "string" ? what : what()}.`,
      );
    await sleep(POLL_MS);
  }
}

export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
