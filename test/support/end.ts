const tasks: (() => unknown)[] = [];

/** Runs a task when the test file ends, last registered first. Vitest ignores an `afterAll` inside a `beforeAll`. */
export function atEnd(task: () => unknown): void {
  tasks.push(task);
}

/** Runs the tasks of the test file that ends. */
export async function end(): Promise<void> {
  for (const task of tasks.splice(0).reverse()) await task();
}
