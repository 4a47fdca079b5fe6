import type { LimitFunction } from "p-limit";
import { timeTo, within } from "../deadline.ts";
import type { Driver } from "./database.ts";

/** A driver whose calls have their turn under a limit. The time of one that waits for it goes on, and once it is over it is not sent. */
export function inTurn(driver: Driver, limit: LimitFunction): Driver {
  const call = <T>(time: number, run: (time: number) => Promise<T>) => {
    const end = performance.now() + time;
    return within(
      time,
      limit(async () => run(timeTo(end))),
    );
  };
  return {
    query: (statement, time) => call(time, (left) => driver.query(statement, left)),
    batch: (transaction, statements, time) =>
      call(time, (left) => driver.batch(transaction, statements, left)),
  };
}
