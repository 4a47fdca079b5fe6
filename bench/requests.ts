/** What is asked, and how each API is asked for it: Octavo, and the peers that are all alike. */
import { SignJWT } from "jose";
import { type BookQuery, bookPaging } from "../src/books/contract.ts";
import { CursorSeal } from "../src/http/cursor.ts";
import { scopeOf } from "../src/http/paging.ts";

/** The place behind a book, in the order of a listing. */
export interface Place {
  /** The sort key, as Octavo's SQL writes it. */
  key: string;
  id: string;
}

export type Ask =
  | { book: string }
  /** A page of the newest books, from the start or behind a place. */
  | { page: Place | "first" }
  | { search: string }
  | { create: true }
  /** One less of this book. */
  | { stock: string };

export interface HttpRequest {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** How an API is asked. */
export type Dialect = (ask: Ask) => Promise<HttpRequest>;

const BOOKS = "/api/v1/books";

/** Stands in a body for the ISBN of a book that is not there yet; as long as one. */
export const NEXT_ISBN = "{{next isbn}}";

const NEW_BOOK = JSON.stringify({
  title: "The Measure of Small Things",
  author: "Marta Ellwood",
  isbn: NEXT_ISBN,
  price: 18.99,
  stock: 12,
  description:
    "A clockmaker's daughter takes the time of everything that moves in her town, until the town begins to ask what " +
    "for. A quiet novel about precision, patience, and the things that change when somebody looks.",
});

const STOCK = JSON.stringify({ delta: -1 });

/** The peers: no tokens, and cursors that are the place itself. */
export const peers: Dialect = async (ask) => {
  if ("book" in ask) return { method: "GET", path: `${BOOKS}/${ask.book}` };
  if ("page" in ask) {
    const { page } = ask;
    return { method: "GET", path: page === "first" ? BOOKS : `${BOOKS}?after=${page.key}_${page.id}` };
  }
  if ("search" in ask) return { method: "GET", path: `${BOOKS}?search=${encodeURIComponent(ask.search)}` };
  if ("create" in ask) return { method: "POST", path: BOOKS, body: NEW_BOOK };
  return { method: "POST", path: `${BOOKS}/${ask.stock}/stock`, body: STOCK };
};

/** Octavo's secrets for the time of the benchmark. */
export const CURSOR_KEY = "a cursor key of the benchmark's own";
export const AUTH_SECRET = "a secret for tokens of the benchmark's own";

const bytes = (text: string) => new TextEncoder().encode(text);
const seal = new CursorSeal(bytes(CURSOR_KEY));
const token = await new SignJWT({ roles: ["editor"] })
  .setProtectedHeader({ alg: "HS256", typ: "JWT" })
  .setSubject("benchmark")
  .setExpirationTime("1d")
  .sign(bytes(AUTH_SECRET));

export const octavo: Dialect = async (ask) => {
  if ("page" in ask && ask.page !== "first") {
    return { method: "GET", path: await octavoPage("-created_at", ask.page) };
  }
  const request = await peers(ask);
  return request.method === "GET" ? request : { ...request, headers: { Authorization: `Bearer ${token}` } };
};

/** The path of the page behind a place of a listing, with the cursor that the API itself would give. */
export async function octavoPage(sort: BookQuery["sort"], place: Place): Promise<string> {
  const scope = scopeOf(BOOKS, bookPaging.bound, bookPaging.query.parse({ sort }));
  const cursor = seal.seal(scope, { direction: "forward", side: "after", ...place });
  return `${BOOKS}?sort=${sort}&cursor=${cursor}`;
}
