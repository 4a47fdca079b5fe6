/** The lanes in which database calls wait. */
import { expect, test } from "vitest";
import { type LaneName, Scheduler } from "../../src/db/scheduler.ts";
import { deadlineIn, GoneError, LateError } from "../../src/deadline.ts";

const PATIENT = { deadline: Number.POSITIVE_INFINITY };

/** Work that ends when it is told to, and the order in which such work began. */
function gate() {
  const began: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve) => {
      began.push(name);
      ends.set(name, () => resolve(name));
    });
  return { began, work, end: (name: string) => ends.get(name)?.() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a lane that is full leaves room for the others", async () => {
  const scheduler = new Scheduler({ capacity: 3, share: 1 });
  const { began, work, end } = gate();
  const calls = ["search 1", "search 2", "point 1", "write 1"].map((name) =>
    scheduler.run(
      `${name.split(" ")[0]}${name.startsWith("search") ? "es" : "s"}` as LaneName,
      PATIENT,
      work(name),
    ),
  );
  expect(began).toEqual(["search 1", "point 1", "write 1"]);
  expect(scheduler.stats()).toMatchObject({ searches: { running: 1, waiting: 1 }, points: { running: 1 } });
  end("search 1");
  await settled();
  expect(began.at(-1)).toBe("search 2");
  for (const name of ["search 2", "point 1", "write 1"]) end(name);
  expect(await Promise.all(calls)).toEqual(["search 1", "search 2", "point 1", "write 1"]);
  expect(scheduler.stats().searches).toEqual({ running: 0, waiting: 0, started: 2, joined: 0, late: 0 });
});

test("lanes take turns where the pool is full", async () => {
  const scheduler = new Scheduler({ capacity: 1, share: 1 });
  const { began, work, end } = gate();
  const names = ["points a", "points b", "points c", "searches d", "writes e"];
  const calls = names.map((name) => scheduler.run(name.split(" ")[0] as LaneName, PATIENT, work(name)));
  for (const name of ["points a", "searches d", "writes e", "points b", "points c"]) {
    await settled();
    expect(began.at(-1)).toBe(name);
    end(name);
  }
  await Promise.all(calls);
});

test("work whose deadline passes while it waits is not started", async () => {
  const scheduler = new Scheduler({ capacity: 1, share: 1 });
  const { began, work, end } = gate();
  const first = scheduler.run("points", PATIENT, work("first"));
  const late = scheduler.run("points", { deadline: deadlineIn(-1) }, work("late"));
  const last = scheduler.run("points", PATIENT, work("last"));
  end("first");
  await first;
  await expect(late).rejects.toBeInstanceOf(LateError);
  end("last");
  await last;
  expect(began).toEqual(["first", "last"]);
  expect(scheduler.stats().points).toMatchObject({ started: 2, late: 1 });
});

test("work that nobody wants when its turn comes is not started", async () => {
  const scheduler = new Scheduler({ capacity: 1, share: 1 });
  const { began, work, end } = gate();
  let isWanted = true;
  const first = scheduler.run("points", PATIENT, work("first"));
  const left = scheduler.run("points", { ...PATIENT, atTurn: () => isWanted }, work("left"));
  const last = scheduler.run("points", { ...PATIENT, atTurn: () => true }, work("last"));
  isWanted = false;
  end("first");
  await first;
  await expect(left).rejects.toBeInstanceOf(GoneError);
  end("last");
  await last;
  expect(began).toEqual(["first", "last"]);
  expect(scheduler.stats().points).toMatchObject({ started: 2, waiting: 0, late: 0 });
});

test("work that fails makes room as well", async () => {
  const scheduler = new Scheduler({ capacity: 1, share: 1 });
  const failing = scheduler.run("writes", PATIENT, () => Promise.reject(new Error("broken")));
  const next = scheduler.run("writes", PATIENT, async () => "done");
  await expect(failing).rejects.toThrow("broken");
  expect(await next).toBe("done");
});

test("work that moves to another lane makes room in its own, but not in the pool", async () => {
  const scheduler = new Scheduler({ capacity: 2, share: 1 });
  const { began, work, end } = gate();
  const moving = scheduler.run("writes", PATIENT, (place) => {
    place.moveTo("locks");
    return work("moved")();
  });
  const others = ["second", "third"].map((name) => scheduler.run("writes", PATIENT, work(name)));
  expect(began).toEqual(["moved", "second"]);
  expect(scheduler.stats()).toMatchObject({ locks: { running: 1 }, writes: { running: 1, waiting: 1 } });
  for (const name of ["moved", "second"]) end(name);
  await Promise.all([moving, others[0]]);
  await settled();
  end("third");
  await others[1];
});
