/** The feed of changes: polls for ever, and survives outages. */
import { OctavoError, ResponseError } from "./errors.ts";
import { isRetryable, notFromApi, pause, type Send } from "./send.ts";
import type { Change, ChangePage, ChangeQuery } from "./stock-types.ts";

/** A change, and where to go on after it. */
export interface FollowedChange extends Change {
  /**
   * For `since`, once this change is applied. Within a page it is the cursor of the page, whose changes then come again.
   * Undefined before the end of a first page.
   */
  cursor: string | undefined;
}

export interface FollowOptions {
  /** Ends the iteration; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** `false` ends the iteration once the copy is complete, instead of waiting for more. */
  wait?: boolean | undefined;
  /** Milliseconds between two requests while books change; 1,000 by default. While none changes, up to 30 times as many. */
  interval?: number | undefined;
}

/** Iterating over it yields every change, and waits for more. */
export interface Feed extends AsyncIterable<FollowedChange> {
  /** Fetches the page after `since`. */
  page(): Promise<ChangePage>;
}

const LONGEST_WAIT = 30;

export function feedOf(
  send: Send,
  { since, limit }: ChangeQuery = {},
  { signal, wait = true, interval = 1000 }: FollowOptions = {},
): Feed {
  const pageAt = async (cursor: string | undefined) => {
    const { status, body } = await send({
      method: "GET",
      path: ["changes"],
      query: { cursor, limit },
      signal,
    });
    const page = body as Partial<ChangePage> | null;
    if (!Array.isArray(page?.data) || typeof page.next_cursor !== "string")
      throw new ResponseError(notFromApi("no page"), status);
    return page as ChangePage;
  };
  return {
    page: () => pageAt(since),
    async *[Symbol.asyncIterator]() {
      let cursor = since;
      for (let idle = 1; ; ) {
        const page = await pageAt(cursor).catch((error) => {
          if (!wait || !(error instanceof OctavoError && isRetryable({ method: "GET" }, error))) throw error;
          return undefined;
        });
        const last = page?.data.at(-1);
        for (const change of page?.data ?? []) {
          yield { ...change, cursor: change === last ? page?.next_cursor : cursor };
        }
        // A replica that is behind the cursor gives it back.
        const isStuck = page?.next_cursor === cursor;
        cursor = page?.next_cursor ?? cursor;
        if (page?.more && !isStuck) continue;
        if (!wait && !page?.more) return;
        idle = last ? 1 : Math.min(2 * idle, LONGEST_WAIT);
        await pause(interval * idle * (0.75 + Math.random() / 2), signal);
      }
    },
  };
}
