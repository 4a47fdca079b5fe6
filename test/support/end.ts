import { afterAll } from "vitest";

const tasks: (() => unknown)[] = [];

/** Runs a task when the test file ends, last registered first. Vitest ignores an `afterAll` inside a `beforeAll`. */
export function atEnd(task: () => unknown): void {
  tasks.push(task);
}

afterAll(async () => {
  for (const task of tasks.reverse()) await task();
});
