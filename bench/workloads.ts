/** The workloads: each is a list of operations that the load generator repeats in order. */
import { generator } from "../dev/seed.ts";
import { addBooksInDemand, type Catalogue } from "./catalogue.ts";
import type { Ask } from "./requests.ts";

/** The maximum number of books that a workload adds. */
export const OWN_BOOKS = 100;

export interface Workload {
  label: string;
  /** Not part of `--quick`. */
  isExtra?: true;
  /** Leaves rows behind, live or dead, which Postgres would otherwise vacuum during the next workload. */
  writes?: true;
  /** @param number the number of the first of {@link OWN_BOOKS} ISBNs that are reserved for it */
  asks(catalogue: Catalogue, number: number): Ask[] | Promise<Ask[]>;
}

export const WORKLOADS: Record<string, Workload> = {
  point: {
    label: "Point read, uniform",
    asks: ({ ids }) => ids.map((book) => ({ book })),
  },
  "point-zipf": {
    label: "Point read, Zipf",
    isExtra: true,
    asks: ({ popularIds }) => popularIds.map((book) => ({ book })),
  },
  "first-page": {
    label: "First page",
    asks: () => [{ page: "first" }],
  },
  page: {
    label: "Random cursor page of 20",
    asks: ({ places }) => places.map((page) => ({ page })),
  },
  "deep-page": {
    label: "Page in the last tenth",
    isExtra: true,
    asks: ({ deepPlaces }) => deepPlaces.map((page) => ({ page })),
  },
  search: {
    label: "Search, 4,000 terms",
    asks: ({ terms }) => terms.map((search) => ({ search })),
  },
  create: {
    label: "Create",
    writes: true,
    asks: () => [{ create: true }],
  },
  stock: {
    label: "Stock of one hot book",
    writes: true,
    asks: async ({ client }, number) =>
      (await addBooksInDemand(client, 1, number)).map((stock) => ({ stock })),
  },
  mix: {
    label: "90 % reads, 10 % writes",
    writes: true,
    isExtra: true,
    asks: mixed,
  },
};

/** Of 100 requests: 50 point reads by Zipf, 20 first pages, 10 random pages, 10 searches, 5 creates, 5 sales. */
async function mixed({ client, popularIds, places, terms }: Catalogue, number: number): Promise<Ask[]> {
  const onSale = await addBooksInDemand(client, OWN_BOOKS, number);
  const random = generator(11);
  const anyOf = <T>(values: T[]) => values[Math.floor(random() * values.length)] as T;
  return Array.from({ length: 10_000 }, (): Ask => {
    const draw = random() * 100;
    if (draw < 50) return { book: anyOf(popularIds) };
    if (draw < 70) return { page: "first" };
    if (draw < 80) return { page: anyOf(places) };
    if (draw < 90) return { search: anyOf(terms) };
    if (draw < 95) return { create: true };
    return { stock: anyOf(onSale) };
  });
}
