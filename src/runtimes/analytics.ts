/** The events of a Worker as data points of Workers Analytics Engine. */
import type { RequestEvent } from "../http/observe.ts";

/** The part of Cloudflare's binding that this uses. */
export interface AnalyticsEngine {
  writeDataPoint(point: DataPoint): void;
}

export interface DataPoint {
  indexes: [string];
  blobs: string[];
  doubles: number[];
}

/** The order is documented, because queries name columns by their place: blob1, double1. */
export function dataPointOf(event: RequestEvent): DataPoint {
  const {
    route,
    method,
    problem = "",
    role = "",
    edge_cache = "",
    status,
    duration_ms,
    db_ms,
    db_wait_ms,
  } = event;
  return {
    // What it samples by where there are many requests.
    indexes: [route],
    blobs: [route, method, problem, role, edge_cache],
    doubles: [status, duration_ms, db_ms, db_wait_ms, event.db_round_trips, event.bytes_in, event.bytes_out],
  };
}
