/** What the model assumes, because nothing here could measure it. Change it to ask about another shop. */
import type { Kind } from "./results.ts";

/** Of all requests, the share of each kind. */
export const MIX: Record<Kind, number> = {
  book: 0.5,
  first: 0.18,
  cursor: 0.15,
  search: 0.12,
  sale: 0.04,
  edit: 0.009,
  create: 0.001,
};

/** The busiest second has so many times the requests of the day's average. */
export const PEAK = 4;

/** The share of a core that may be busy in that second: beyond it, requests wait for each other. */
export const BUSY_SHARE = 0.6;

/** A machine for Postgres; the next larger ones cost more than twice as much. */
export const POSTGRES = { cores: 16, ram: 128e9, connections: 100 };

/** DATABASE_POOL_SIZE unless set. */
export const POOL = 10;

/** EDGE_CACHE_SECONDS, and the locations among which requests spread evenly. */
export const EDGE = { seconds: 60, locations: 10 };
