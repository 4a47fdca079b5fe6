/** What the lists for staff share. */
import type { PropsWithChildren } from "hono/jsx";

/** The address of a list with other parameters, from its start. `undefined` removes one. */
export function addressOf(
  path: string,
  { searchParams }: URL,
  changes: Record<string, string | undefined> = {},
): string {
  const query = new URLSearchParams(searchParams);
  for (const [name, value] of Object.entries({ limit: undefined, cursor: undefined, ...changes })) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

/** A link that shows another part of a list, and says whether it is shown. */
export const View = ({ href, isShown, children }: PropsWithChildren<{ href: string; isShown: boolean }>) => (
  <a class="pill" href={href} aria-current={isShown ? "true" : undefined}>
    {children}
  </a>
);

/** The cursors of the pages beside the one that is shown; null where there is none. */
export interface Around {
  next: string | null;
  previous: string | null;
}

/** Links to the pages beside one. */
export function More({ path, url, next, previous }: Around & { path: string; url: URL }) {
  if (next === null && previous === null) return null;
  return (
    <nav class="more" aria-label="Pages of the list">
      {previous !== null && (
        <a class="button plain" rel="prev" href={addressOf(path, url, { cursor: previous })}>
          Back
        </a>
      )}
      {next !== null && (
        <a class="button plain" rel="next" href={addressOf(path, url, { cursor: next })}>
          Show more
        </a>
      )}
    </nav>
  );
}

/** How many rows a page of a list shows: "The first 50 books", "12 books", "No books". */
export function countOf(
  { length }: { length: number },
  [one, many]: [one: string, many: string],
  { next, isFirst }: Pick<Around, "next"> & { isFirst: boolean },
): string {
  if (length === 0) return isFirst ? `No ${many}` : `No more ${many}`;
  const counted = `${length} ${length === 1 ? one : many}`;
  if (!isFirst) return `${length} more ${length === 1 ? one : many}`;
  return next === null ? counted : `The first ${counted}`;
}
