/** The deadline has passed. */
export class LateError extends Error {
  override name = "LateError";
  constructor() {
    super("The time was over.");
  }
}

/**
 * Waits for a result, but rejects when the time is up; the work itself continues. A cleared timer is far cheaper than an
 * AbortSignal, which lives until its timeout.
 *
 * @param milliseconds from now
 * @throws LateError
 */
export function within<T>(milliseconds: number, result: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LateError()), milliseconds);
    result.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/**
 * Whole milliseconds until a deadline, as timers take them.
 *
 * @param end in the time of `performance.now()`
 * @throws LateError if none are left
 */
export function timeTo(end: number): number {
  const time = Math.floor(end - performance.now());
  if (time <= 0) throw new LateError();
  return time;
}
