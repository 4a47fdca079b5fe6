/** The requests of the benchmark, for Octavo and for its peers, which have one API. */
import { SignJWT } from "jose";
import { type BookQuery, bookPaging } from "../src/books/listing.ts";
import { CursorSeal } from "../src/http/cursor.ts";
import { scopeOf } from "../src/http/paging.ts";

/** The position after a book in a listing. */
export interface Place {
  /** The sort key, as Octavo's SQL writes it. */
  key: string;
  id: string;
}

export type Ask =
  | { book: string }
  /** A page of the newest books: the first, or the one after a position. */
  | { page: Place | "first" }
  | { search: string }
  | { create: true }
  /** Takes one copy of a book from its stock. */
  | { stock: string };

export interface HttpRequest {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Turns an operation into a request to an API. */
export type Dialect = (ask: Ask) => Promise<HttpRequest>;

const BOOKS = "/api/v1/books";

/** A placeholder for the ISBN of a new book, with the length of an ISBN. */
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

/** The peers have no tokens, and their cursors are unsigned positions. */
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

/** Octavo's secrets during the benchmark. */
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

/** The path of the page after a position in a listing, with the cursor that the API would return. */
export async function octavoPage(sort: BookQuery["sort"], place: Place): Promise<string> {
  const scope = scopeOf(BOOKS, bookPaging.bound, bookPaging.query.parse({ sort }));
  const cursor = seal.seal(scope, { direction: "forward", side: "after", ...place });
  return `${BOOKS}?sort=${sort}&cursor=${cursor}`;
}
