/** Checks that an API returns what Postgres contains; the speed of wrong responses means nothing. */
import { deepStrictEqual } from "node:assert/strict";
import type pg from "pg";
import { StartupError } from "../src/startup-error.ts";
import { isbnOf, moment } from "./catalogue.ts";
import { type Ask, NEXT_ISBN } from "./requests.ts";
import type { Target } from "./targets.ts";
import { verifyNewest, verifyRelevant } from "./verify-search.ts";

/**
 * Sends a request, and compares the books in the response with the database. A write must return its book.
 *
 * @param number the number of the ISBN for a book to create
 * @throws StartupError
 */
export async function verify(
  origin: string,
  { dialect, search }: Pick<Target, "dialect" | "search">,
  ask: Ask,
  { client, number }: { client: pg.Client; number: number },
): Promise<void> {
  const { method, path, headers, body } = await dialect(ask);
  const response = await fetch(origin + path, {
    method,
    headers: { ...headers, ...(body && { "Content-Type": "application/json" }) },
    body: body?.replace(NEXT_ISBN, isbnOf(number)) ?? null,
  });
  const text = await response.text();
  const result = response.ok ? JSON.parse(text) : undefined;
  try {
    deepStrictEqual(response.status, "create" in ask ? 201 : 200);
    const books: object[] = (result.data ?? [result]).map(shared);
    if ("book" in ask) deepStrictEqual(books, await booksOf(client, "id = $1", [ask.book]));
    else if ("search" in ask) await verifySearch(client, search, ask.search, result);
    else if ("page" in ask && ask.page === "first") deepStrictEqual(books, await booksOf(client, "true", []));
    else if ("page" in ask && ask.page !== "first")
      deepStrictEqual(books, await booksOf(client, AFTER, [ask.page.key, ask.page.id]));
    else deepStrictEqual(books, await booksOf(client, "id = $1", [result.id]));
  } catch (error) {
    throw new StartupError(
      `${method} ${path} responded with ${response.status} ${text}\n${(error as Error).message}`,
    );
  }
}

/** The members of a book that all peers and versions have. */
const SHARED = "id,title,author,isbn,price,stock,description,created_at,updated_at".split(",");

const shared = (book: Record<string, unknown>) =>
  Object.fromEntries(SHARED.map((name) => [name, book[name]]));

const AFTER = "(created_at, id) < ($1::timestamptz, $2::uuid)";

async function verifySearch(
  client: pg.Client,
  search: Target["search"],
  term: string,
  { data, match }: { data: Record<string, unknown>[]; match?: string | null },
): Promise<void> {
  const ids = data.map(({ id }) => `${id}`);
  const byId = (books: object[]) => new Map(books.map((book) => [(book as { id: string }).id, book]));
  deepStrictEqual(byId(data.map(shared)), byId(await booksOf(client, "id = any($1)", [ids])));
  if (search === "octavo") await verifyRelevant(client, term, { ids, match: match ?? null });
  else await verifyNewest(client, search, term, { ids });
}

async function booksOf(client: pg.Client, condition: string, values: unknown[]): Promise<object[]> {
  const { rows } = await client.query<{ book: object }>(
    `select json_build_object(
       'id', id, 'title', title, 'author', author, 'isbn', isbn, 'price', price, 'stock', stock,
       'description', description, 'created_at', ${moment("created_at")}, 'updated_at', ${moment("updated_at")}
     ) as book from books where ${condition} order by books.created_at desc, id desc limit 20`,
    values,
  );
  return rows.map(({ book }) => book);
}
