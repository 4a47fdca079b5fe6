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
