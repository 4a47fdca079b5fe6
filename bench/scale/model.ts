/** What a shop of any size needs, by what `npm run bench:scale` measured. */
import { BUSY_SHARE, EDGE, MIX, PEAK, POSTGRES } from "./assumptions.ts";
import { along, bent, type Law, linear, logarithmic, missOf, type Point, power } from "./laws.ts";
import type { Cost, Kind, MeasuredCatalogue, ScaleResults } from "./results.ts";

export const KINDS = Object.keys(MIX) as Kind[];
export const isWrite = (kind: Kind) => ["sale", "edit", "create"].includes(kind);

/** Many requests at once, which share reads and commits within a process, or each by itself, as on Workers. */
export type Company = "busy" | "alone";

/** A search looks at all books that have a word; everything else finds its way down btrees. */
const lawOf = (kind: Kind): Law => (kind === "search" ? bent : logarithmic);

/** What a search reads grows with the vocabulary, and that as a power of the books (Heaps' law). */
const lawOfTable = (table: string): Law => (table === "search_words" ? power : linear);

export interface Demand {
  /** Per day. */
  requests: number;
  books: number;
}

export class Model {
  readonly #results: ScaleResults;

  constructor(results: ScaleResults) {
    this.#results = results;
  }

  /** The largest catalogue that was measured. */
  get largest(): number {
    return this.last.books;
  }

  /** The numbers of books that were measured. */
  get sizes(): number[] {
    return this.#results.catalogues.map(({ books }) => books);
  }

  get last(): MeasuredCatalogue {
    return this.#results.catalogues.at(-1) as MeasuredCatalogue;
  }

  /** So many requests of the mix a day would keep the measured machine busy in the busiest second. */
  measuredPerDay(): number {
    const seconds = KINDS.reduce((sum, kind) => sum + MIX[kind] / this.measured(kind, "busy").rate, 0);
    return 86_400 / seconds / PEAK;
  }

  #costs(kind: Kind, company: Company, runtime: Cost["runtime"] = "node"): { books: number; cost: Cost }[] {
    return this.#results.catalogues.flatMap(({ books, costs }) =>
      costs
        .filter((cost) => cost.kind === kind && cost.runtime === runtime)
        .filter(({ connections }) => connections > 1 === (company === "busy"))
        .map((cost) => ({ books, cost })),
    );
  }

  /** As measured with the largest catalogue. */
  measured(kind: Kind, company: Company, runtime?: Cost["runtime"]): Cost {
    return this.#costs(kind, company, runtime).at(-1)?.cost as Cost;
  }

  #postgresPoints(kind: Kind, company: Company): Point[] {
    return this.#costs(kind, company).map(({ books, cost }) => [books, cost.postgresCpu]);
  }

  /** Microseconds of Postgres's CPU for a request. */
  postgresCpu(kind: Kind, company: Company, books: number, law = lawOf(kind)): number {
    return along(law, this.#postgresPoints(kind, company))(books);
  }

  /** How far a law misses the largest catalogue, as a share, if it knows only smaller ones. */
  missOfCpu(kind: Kind, company: Company, law: Law): number {
    return missOf(law, this.#postgresPoints(kind, company));
  }

  /** The bytes of tables with their indexes, by table, as points. */
  sizePoints(): Map<string, Point[]> {
    const tables = new Map<string, Point[]>();
    for (const { books, relations } of this.#results.catalogues) {
      for (const { table } of relations.filter(({ name, table }) => name === table)) {
        const bytes = relations.filter((one) => one.table === table).reduce((sum, one) => sum + one.bytes, 0);
        tables.set(table, [...(tables.get(table) ?? []), [books, bytes]]);
      }
    }
    return tables;
  }

  /** Bytes of a table with its indexes. */
  bytesOf(table: string, books: number): number {
    return along(lawOfTable(table), this.sizePoints().get(table) ?? [])(books);
  }

  /** Bytes of all tables that grow with the books. */
  bytes(books: number): number {
    return [...this.sizePoints().keys()].reduce((sum, table) => sum + this.bytesOf(table, books), 0);
  }

  /** How far the laws of sizes miss the largest catalogue, as a share: of one table, or of all together. */
  missOfBytes(only?: string): number {
    const chosen = [...this.sizePoints()].filter(([table]) => table === (only ?? table));
    const predicted = chosen.map(([table, points]) => lawOfTable(table)(points.slice(0, -1))(this.largest));
    return sum(predicted) / sum(chosen.map(([, points]) => points.at(-1)?.[1] ?? 0)) - 1;
  }

  need({ requests, books }: Demand) {
    const mean = requests / 86_400;
    const peak = mean * PEAK;
    const cores = (of: (kind: Kind) => number, kinds = KINDS) =>
      kinds.reduce((sum, kind) => sum + (peak * MIX[kind] * of(kind)) / 1e6 / BUSY_SHARE, 0);
    const reads = KINDS.filter((kind) => !isWrite(kind));
    const postgres = (company: Company) => (kind: Kind) => this.postgresCpu(kind, company, books);
    const hits = edgeHits(peak * reads.reduce((sum, kind) => sum + MIX[kind], 0), books);
    const serverCores = cores((kind) => this.measured(kind, "busy").serverCpu);
    const processes = Math.max(1, Math.ceil(serverCores));
    const readCores = cores(postgres("busy"), reads);
    const writeCores = cores(postgres("busy"), KINDS.filter(isWrite));
    return {
      peak,
      serverCores,
      processes,
      readCores,
      searchCores: cores(postgres("busy"), ["search"]),
      writeCores,
      workersCores: cores(postgres("alone")),
      /** The share of reads that never reach Postgres, with {@link EDGE}. */
      hits,
      /** Replicas of {@link POSTGRES}, beside a primary of the same size. */
      replicas: Math.max(0, Math.ceil((readCores + writeCores) / POSTGRES.cores) - 1),
      replicasBehindEdge: Math.max(0, Math.ceil((readCores * (1 - hits) + writeCores) / POSTGRES.cores) - 1),
    };
  }

  /** Bytes a day. */
  flows(requests: number) {
    const perRequest = (of: (kind: Kind) => number) =>
      requests * sum(KINDS.map((kind) => MIX[kind] * of(kind)));
    const movement = (this.sizePoints().get("stock_movements")?.at(-1)?.[1] ?? 0) / this.last.movements;
    return {
      sentPerDay: perRequest((kind) => this.#responseBytes(kind)),
      walPerDay: perRequest((kind) => (isWrite(kind) ? this.measured(kind, "busy").wal : 0)),
      ledgerPerDay: perRequest((kind) => (kind === "sale" || kind === "create" ? movement : 0)),
    };
  }

  #responseBytes(kind: Kind): number {
    return this.last.sizes.find((size) => size.kind === kind)?.response ?? 0;
  }
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

/**
 * The share of reads that a location's cache answers, where books are asked for by Zipf's law at random times. A book that is
 * asked for r times a second, and kept for T seconds, is fetched r / (1 + rT) times a second; the sum over all ranks follows.
 */
export function edgeHits(perSecond: number, books: number): number {
  const all = harmonic(books);
  const most = ((perSecond / EDGE.locations) * EDGE.seconds) / all;
  return (all + harmonic(most) - harmonic(books + most)) / all;
}

/** 1 + 1/2 + … + 1/n, also between whole numbers. */
function harmonic(n: number): number {
  if (n < 1e-9) return 0;
  return Math.log(n + 0.5) + 0.5772156649 + 1 / (24 * (n + 0.5) ** 2) - (n < 1 ? correction(n) : 0);
}

/** The formula is 0.0508 too high at 0, and right from 1 on. */
const correction = (n: number) => (1 - n) * (Math.log(0.5) + 0.5772156649 + 1 / 6);
