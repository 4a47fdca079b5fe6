/** What pages read from Postgres beyond the API's own listings. */
import { sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { representation } from "../books/store.ts";
import type { Database } from "../db/ports.ts";
import { MissingFault, type Resource } from "../db/resource.ts";
import { resourceColumns } from "../db/resource-statements.ts";
import { books } from "../db/schema.ts";
import { bind, defineStatement } from "../db/statements.ts";

const MAX_OTHERS = 6;
const other = alias(books, "other");

const bookAndOthers = defineStatement({
  types: { isbn: "text" },
  build: (value) => sql`select ${resourceColumns(books, representation)}, (
      select string_agg(others.json, E'\\n') from (
        select ${other.json} as json from ${books} as other
        where ${other.author} = ${books.author} and ${other.id} <> ${books.id}
        order by ${other.id} desc limit ${sql.raw(`${MAX_OTHERS}`)}
      ) as others
    ) as others
    from ${books} where ${books.isbn} = ${value("isbn")}`,
});

/** A book, and the newest others of its author as JSON with a line feed between them; null without any. */
export type BookAndOthers = Resource & { others: string | null };

/** @throws MissingFault */
export async function readBookAndOthers(database: Database, isbn: string): Promise<BookAndOthers> {
  const [found] = await database.read<BookAndOthers>(bind(bookAndOthers, { isbn }));
  if (!found) throw new MissingFault();
  return found;
}

const BOOKS_IN_PART = 2000;

/** Steps through the index of the primary key, which takes a quarter of the time of numbering its rows. */
const partStarts = defineStatement({
  types: {},
  lane: "searches",
  build: () => sql`with recursive part as (
      (select ${books.id} as id from ${books} order by ${books.id} limit 1)
      union all
      select (
        select ${books.id} from ${books} where ${books.id} > part.id
        order by ${books.id} offset ${sql.raw(`${BOOKS_IN_PART - 1}`)} limit 1
      ) from part where part.id is not null
    )
    select string_agg(id::text, E'\\n' order by id) as lines from part`,
});

/** The first ids of the sitemap's parts. */
export async function readPartStarts(database: Database): Promise<string[]> {
  const [found] = await database.read<{ lines: string | null }>(bind(partStarts, {}));
  return found?.lines?.split("\n") ?? [];
}

const part = defineStatement({
  types: { start: "uuid" },
  lane: "searches",
  build: (
    value,
  ) => sql`select string_agg(json_build_array(isbn, title, changed)::text, E'\\n' order by id) as lines from (
      select ${books.id} as id, ${books.isbn} as isbn, ${books.title} as title,
        to_char(${books.updated_at} at time zone 'UTC', 'YYYY-MM-DD') as changed
      from ${books} where ${books.id} >= ${value("start")} order by ${books.id}
      limit ${sql.raw(`${BOOKS_IN_PART}`)}
    ) as part`,
});

/** The books of the sitemap's part that begins with an id. */
export async function readPart(database: Database, start: string) {
  const [found] = await database.read<{ lines: string | null }>(bind(part, { start }));
  const rows: [string, string, string][] = found?.lines?.split("\n").map((line) => JSON.parse(line)) ?? [];
  return rows.map(([isbn, title, changed]) => ({ isbn, title, changed }));
}
