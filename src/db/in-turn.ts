import type { LimitFunction } from "p-limit";
import { timeTo, within } from "../deadline.ts";
import type { Driver } from "./ports.ts";

/** A driver whose calls pass through a lane. The time of a call goes on while it waits, and a call that is late is not sent. */
export function inTurn(driver: Driver, lane: LimitFunction): Driver {
  const call = <T>(time: number, run: (time: number) => Promise<T>) => {
    const end = performance.now() + time;
    return within(
      time,
      lane(async () => run(timeTo(end))),
    );
  };
  return {
    query: (statement, time) => call(time, (left) => driver.query(statement, left)),
    batch: (transaction, statements, time) =>
      call(time, (left) => driver.batch(transaction, statements, left)),
  };
}
