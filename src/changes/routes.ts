/** The feed over HTTP. */
import type { Api } from "../http/api.ts";
import { etagOfLongText, textNotModified } from "../http/etag.ts";
import { pageBody } from "../http/paging.ts";
import { Problem } from "../http/problem.ts";
import { revalidated } from "../http/reply.ts";
import * as contract from "./contract.ts";
import { oldestUnseen, type Place, placeAfter, placeOf, positionOf } from "./place.ts";
import { type FoundChanges, listChanges } from "./store.ts";

export function changeRoutes(api: Api): void {
  api.on(contract.listChanges, async ({ query, position, preconditions, url }, context) => {
    const { database, pages } = context;
    const place = position && placeOf(position);
    const found = await listChanges(database, place, query.limit);
    context.note({ feed_lag_ms: ageOf(found.now.at) });
    if (place) requireHeld(place, found);
    const isBehind = place !== undefined && newestOf(place).xmax > found.end;
    const { next, more } = isBehind
      ? { next: place, more: place.walk !== undefined }
      : placeAfter(place, found);
    const changes = isBehind ? "" : found.changes;
    const headers = revalidated(await tagOf(changes, next, more));
    if (textNotModified(preconditions, headers.ETag)) return { status: 304 as const, headers };
    const body = pageBody([changes], {
      next_cursor: pages.seal({ url, paging: contract.changePaging, query }, positionOf(next)),
      more,
      complete_to: more || isBehind ? newestOf(next).at : found.now.at,
    });
    return { status: 200 as const, body, headers };
  });
}

/** Milliseconds since a moment of the database, whose clock may differ; undefined if a standby knows none yet. */
function ageOf(moment: string | null): number | undefined {
  return moment === null ? undefined : Math.max(0, Date.now() - Date.parse(moment));
}

/** A weak tag, of all but the cursor and the time: with the same changes, an earlier cursor leads on as well. */
const tagOf = async (changes: string, { home }: Place, more: boolean) =>
  `W/${await etagOfLongText(`${home} ${more} ${changes}`)}`;

/** The newest snapshot of a place. Every place has one. */
function newestOf({ seen, walk }: Place) {
  const newest = walk?.from ?? seen;
  if (!newest) throw new Error("a place without a snapshot");
  return newest;
}

/**
 * A standby may be behind a place, which then waits for it. The primary is not, unless it was restored.
 *
 * @throws Problem `cursor_expired` if the database cannot tell what the holder of a place has not seen
 */
function requireHeld(place: Place, { home, end, isStandby, removedTo }: FoundChanges): void {
  const isForeign = place.home !== home || (!isStandby && newestOf(place).xmax > end);
  if (isForeign) {
    throw new Problem(
      "cursor_expired",
      "The cursor is of another database, or of this one before it was restored. Start the copy anew, without a cursor.",
    );
  }
  if (removedTo >= oldestUnseen(place.seen ?? newestOf(place))) {
    throw new Problem(
      "cursor_expired",
      "Deletions that the cursor has not seen were removed, which happens after 30 days. Start the copy anew, without a cursor.",
    );
  }
}
