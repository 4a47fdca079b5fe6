const tasks: (() => unknown)[] = [];

/** Runs a task when the test file ends, last registered first. Vitest ignores an `afterAll` inside a `beforeAll`. */
export function atEnd(task: () => unknown): void {
  tasks.push(task);
}

/** Runs the tasks of the test file that ends, and those that are registered meanwhile. */
export async function end(): Promise<void> {
  for (let task = tasks.pop(); task; task = tasks.pop()) await task();
}
