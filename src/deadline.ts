/** Why calls end without a result; and deadlines: moments in the time of `performance.now()`, in milliseconds. */

/** The deadline has passed. */
export class LateError extends Error {
  override name = "LateError";
  constructor() {
    super("The deadline has passed.");
  }
}

/** A call ended early, because nobody waits for its result any more. */
export class GoneError extends Error {
  override name = "GoneError";
  constructor() {
    super("All callers have gone.");
  }
}

export const deadlineIn = (milliseconds: number): number => performance.now() + milliseconds;

/**
 * Whole milliseconds until a deadline, as timers take them.
 *
 * @throws LateError if none are left
 */
export function timeTo(deadline: number): number {
  const time = Math.floor(deadline - performance.now());
  if (time <= 0) throw new LateError();
  return time;
}

/**
 * Waits for a result, but rejects when the time is up; the work itself continues. A cleared timer is far cheaper than an
 * AbortSignal, which lives until its timeout.
 *
 * @throws LateError
 */
export function within<T>(milliseconds: number, result: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LateError()), milliseconds);
    result.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
