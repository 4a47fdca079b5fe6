/** Something did not happen in time. */
export class LateError extends Error {
  override name = "LateError";
  constructor() {
    super("The time was over.");
  }
}

/**
 * Rejects if a result does not come in time; the work itself goes on. A timer that is cleared is far cheaper than an
 * AbortSignal, which lives until its time is over.
 *
 * @param milliseconds from now on
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
 * The whole milliseconds that are left.
 *
 * @param end a moment, by `performance.now()`
 * @throws LateError if it has passed
 */
export function timeTo(end: number): number {
  const time = Math.floor(end - performance.now());
  if (time <= 0) throw new LateError();
  return time;
}
