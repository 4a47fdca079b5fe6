import DataLoader from "dataloader";
import { within } from "../deadline.ts";
import type { Driver, Lookup, Reads, Row, Statement } from "./database.ts";

/** A lookup of so many keys leaves at once: while Postgres answers it, the server has time for the next one. */
const MAX_KEYS = 32;

/**
 * Reads that share queries, for runtimes that serve many requests at a time. Keys looked up in the same turn of the event loop go
 * as one query; and of equal statements one runs at a time, while those that come meanwhile share the next, as in group commit.
 *
 * No answer is stale: a query is never joined once it has been sent, so that whoever begins to read after a write was
 * answered sees it. A reader whose time is over leaves alone, as the query has a time of its own.
 *
 * @param timeout milliseconds that a query may take
 */
export function sharedReads(driver: Driver, timeout: number): Reads {
  const run = (statement: Statement) => driver.query(statement, timeout);
  const loads = new Map<Lookup, Load>();
  const share = groupCommit();

  const loadOf = (lookup: Lookup, statementFor: (keys: string[]) => Statement): Load => {
    let [asked, send] = [0, () => {}];
    const loader = new DataLoader<string, Row | undefined>(
      async (keys) => {
        const rows = await run(statementFor([...new Set(keys)]));
        const byKey = new Map(rows.map((row) => [row.key, row]));
        return keys.map((key) => byKey.get(key));
      },
      {
        cache: false,
        maxBatchSize: MAX_KEYS,
        // Not with the tick, as the callback of every socket has one of its own.
        batchScheduleFn(dispatch) {
          const end = setImmediate(dispatch);
          asked = 0;
          send = () => {
            clearImmediate(end);
            dispatch();
          };
        },
      },
    );
    const load: Load = (key) => {
      const row = loader.load(key);
      asked++;
      if (asked === MAX_KEYS) send();
      return row;
    };
    loads.set(lookup, load);
    return load;
  };

  return {
    find: (lookup, key, statementFor, time) =>
      within(time, (loads.get(lookup) ?? loadOf(lookup, statementFor))(key)),
    read: (statement, time) => {
      const key = JSON.stringify([statement.text, statement.values]);
      return within(
        time,
        share(key, () => run(statement)),
      );
    },
  };
}

/** Looks a key up together with others. */
type Load = (key: string) => Promise<Row | undefined>;

/** Runs work at most once at a time under a key; those who ask meanwhile share the next run. */
function groupCommit(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  interface Runs {
    current: Promise<unknown>;
    next: Promise<unknown> | undefined;
  }
  const running = new Map<string, Runs>();

  const start = <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const current = work();
    const runs: Runs = { current, next: undefined };
    running.set(key, runs);
    const done = () => {
      if (running.get(key) === runs && !runs.next) running.delete(key);
    };
    current.then(done, done);
    return current;
  };

  return <T>(key: string, work: () => Promise<T>) => {
    const runs = running.get(key);
    if (!runs) return start(key, work);
    const go = () => start(key, work);
    runs.next ??= runs.current.then(go, go);
    return runs.next as Promise<T>;
  };
}
