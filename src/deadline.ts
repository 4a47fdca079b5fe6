/** What did not come in time. */
export class LateError extends Error {
  override name = "LateError";
  constructor() {
    super("The time was over.");
  }
}

/**
 * The result, or a rejection as soon as the time is over; the work itself goes on. A timer that is cleared is cheaper by far
 * than an AbortSignal that lives on until its time is over.
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
 * Whole milliseconds from now on, as the timers of signals want them.
 *
 * @param end as `performance.now()` will tell
 * @throws LateError where there is none left
 */
export function timeTo(end: number): number {
  const time = Math.floor(end - performance.now());
  if (time <= 0) throw new LateError();
  return time;
}
