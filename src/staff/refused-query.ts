import type { Problem } from "../http/problem.ts";
import type { FieldOf } from "./fields.tsx";

/** A query that a page cannot show anything for: what was typed, and what is wrong with it. */
export class RefusedQuery {
  /** The address without what is wrong with it. */
  readonly sound: URL;
  readonly #asked: URLSearchParams;
  readonly #faults = new Map<string, string>();

  constructor(asked: URL, { details = [] }: Pick<Problem, "details">) {
    this.#asked = asked.searchParams;
    this.sound = new URL(asked);
    for (const { path, message } of details) {
      if (!this.#faults.has(path)) this.#faults.set(path, message);
      this.sound.searchParams.delete(path);
    }
  }

  /** What a field of the form shows. */
  readonly field: FieldOf = (name) => ({
    name,
    value: this.#asked.get(name) ?? "",
    fault: this.#faults.get(name),
  });

  /** What is wrong with parameters that have no field. */
  faultsBeside(fields: string[]): string[] {
    return [...this.#faults].filter(([name]) => !fields.includes(name)).map((fault) => `${fault.join(" ")}.`);
  }
}
