/** What the answer to a search must be, found without an index and without Octavo's functions. */
import { deepStrictEqual, ok } from "node:assert/strict";
import type pg from "pg";
import type { PeerSearch } from "./databases.ts";

/** The rows of an answer, and how Octavo says that they match. */
export interface Found {
  ids: string[];
  match?: string | null;
}

const PAGE = 20;

/** Conditions of those that answer with the newest books that have the term. */
const PROMISES: Record<PeerSearch | "former", string> = {
  ilike: "strpos(lower(title), lower($1)) > 0 or strpos(lower(author), lower($1)) > 0",
  websearch: "to_tsvector('english', title || ' ' || author) @@ websearch_to_tsquery('english', $1)",
  former: "search_text like '%' || ltrim(octavo_search_text($1)) || '%'",
};

/** @throws AssertionError if the books are not the newest with the term */
export async function verifyNewest(
  client: pg.Client,
  search: keyof typeof PROMISES,
  term: string,
  { ids }: Found,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `select id from books where ${PROMISES[search]} order by created_at desc, id desc limit ${PAGE}`,
    [term],
  );
  deepStrictEqual(
    ids,
    rows.map(({ id }) => id),
  );
}

/** Books with all words of a term. Seeded books are in ASCII, so that folding them is simple. */
const BOOKS = `
  with folded as not materialized (
    select id, ' ' || lower(translate(title || ' ' || author, '(),#', '    ')) || ' ' as words,
      lower(rtrim(split_part(title, '(', 1))) as title
    from books
  )
  select id, words like '% ' || $2 || ' %' as is_whole, title = $3 as is_title from folded where words like all ($1)`;

interface Expected {
  /** Books that have the last word as a beginning; those with all words whole; those with this title. */
  beginning: Set<string>;
  whole: Set<string>;
  titled: Set<string>;
}

/** By database and term, because each takes a second at a million books. */
const known = new Map<string, Promise<Expected>>();

async function expect(client: pg.Client, term: string): Promise<Expected> {
  const words = term.split(" ");
  const last = words.at(-1) as string;
  const patterns = words.map((word) => `% ${word}${word === last ? "" : " "}%`);
  const { rows } = await client.query<{ id: string; is_whole: boolean; is_title: boolean }>(BOOKS, [
    patterns,
    last,
    term,
  ]);
  const idsOf = (list: typeof rows) => new Set(list.map(({ id }) => id));
  return {
    beginning: idsOf(rows),
    whole: idsOf(rows.filter((row) => row.is_whole)),
    titled: idsOf(rows.filter((row) => row.is_title)),
  };
}

/**
 * Where books have all words, the answer consists of such books, of all of them if they fit on the page, and begins with one
 * whose title is the term. Where none has, it must not say that it has all.
 *
 * @throws AssertionError
 */
export async function verifyRelevant(client: pg.Client, term: string, { ids, match }: Found): Promise<void> {
  const key = `${client.database} ${term}`;
  const expected = known.get(key) ?? expect(client, term);
  known.set(key, expected);
  const { beginning, whole, titled } = await expected;
  if (whole.size > 0) deepStrictEqual(match, "all");
  if (match !== "all") return deepStrictEqual(match === null, ids.length === 0);
  for (const id of ids) ok(beginning.has(id), `${id} has not all words`);
  ok(ids.length >= Math.min(PAGE, whole.size), `${whole.size} books have all words`);
  if (beginning.size <= PAGE) for (const id of whole) ok(ids.includes(id), `${id} is missing`);
  if (titled.size > 0) ok(titled.has(ids[0] as string), `${ids[0]} has another title`);
}
