/** What `npm run bench:scale` measures, as `bench/results/scale.json` keeps it. */
export const RESULTS = "bench/results/scale.json";

export type Kind = "book" | "first" | "cursor" | "search" | "sale" | "edit" | "create";

/** What requests of one kind cost, with so many connections that each wait for their response. */
export interface Cost {
  kind: Kind;
  runtime: "node" | "bun";
  connections: number;
  /** Responses per second, with the load generator on the same cores. */
  rate: number;
  /** Microseconds of CPU per request: the least of all rounds. */
  serverCpu: number;
  postgresCpu: number;
  /** Transactions, pages of 8 KiB that Postgres looked at, and bytes of WAL, per request. */
  transactions: number;
  pages: number;
  wal: number;
}

/** The bytes of a request and of its response, with headers. */
export interface Size {
  kind: Kind;
  request: number;
  response: number;
}

/** A table with its TOAST, or an index. */
export interface Relation {
  name: string;
  table: string;
  bytes: number;
}

export interface MeasuredCatalogue {
  date: string;
  commit: string;
  method: { rounds: number; warmUp: number; seconds: number };
  books: number;
  /** Entries of the search's vocabulary. */
  words: number;
  /** Rows of the ledger. */
  movements: number;
  /** Bytes of a book's JSON, on average. */
  json: number;
  relations: Relation[];
  costs: Cost[];
  sizes: Size[];
  /** Bytes of memory of a connection's process in Postgres that no other process shares, on average. */
  backend: number;
  /** What else ran: the load average of the machine, in the middle of the measurements. */
  load: number;
}

export interface ScaleResults {
  machine: string;
  /** Connections to Postgres, and its settings that are not the defaults. */
  poolSize: number;
  postgres: string[];
  catalogues: MeasuredCatalogue[];
}
