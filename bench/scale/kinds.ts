/** The kinds of requests whose cost is measured. */
import { addBooksInDemand, type Catalogue } from "../catalogue.ts";
import { type Ask, type HttpRequest, octavo } from "../requests.ts";
import type { Kind } from "./results.ts";

/** Writes go to so many books, which are removed afterwards. */
export const OWN_BOOKS = 1000;

const all = (asks: Ask[]) => Promise.all(asks.map(octavo));

/** The requests of each kind, which a load repeats in order; `number` is that of the first of {@link OWN_BOOKS} ISBNs. */
export const KINDS: Record<Kind, (catalogue: Catalogue, number: number) => Promise<HttpRequest[]>> = {
  book: ({ ids }) => all(ids.map((book) => ({ book }))),
  first: () => all([{ page: "first" }]),
  cursor: ({ places }) => all(places.map((page) => ({ page }))),
  search: ({ terms }) => all(terms.map((search) => ({ search }))),
  sale: async ({ client }, number) =>
    all((await addBooksInDemand(client, OWN_BOOKS, number)).map((stock) => ({ stock }))),
  edit: async ({ client }, number) => edits(await addBooksInDemand(client, OWN_BOOKS, number)),
  create: () => all([{ create: true }]),
};

/** Changes the price of each book again and again, so that no change repeats the one before it. */
async function edits(ids: string[]): Promise<HttpRequest[]> {
  const prices = Array.from({ length: 10 }, (_, at) => JSON.stringify({ price: 10 + at }));
  const sales = await all(ids.map((stock) => ({ stock })));
  return prices.flatMap((body) =>
    sales.map(({ headers = {}, path }) => ({
      method: "PATCH" as const,
      path: path.replace(/\/stock$/, ""),
      headers,
      body,
    })),
  );
}
