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
