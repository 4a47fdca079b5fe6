import { afterAll } from "vitest";

const tasks: (() => unknown)[] = [];

/** Runs something when the test file is done, the last first: Vitest passes over an `afterAll` within a `beforeAll`. */
export function atEnd(task: () => unknown): void {
  tasks.push(task);
}

afterAll(async () => {
  for (const task of tasks.reverse()) await task();
});
