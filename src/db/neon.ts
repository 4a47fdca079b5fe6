import { neon, neonConfig } from "@neondatabase/serverless";
import { timeTo } from "../deadline.ts";
import type { Driver, Transaction } from "./ports.ts";
import type { Statement } from "./statements.ts";
import type { TraceHeaders } from "./trips.ts";

export interface NeonOptions {
  /** `postgres://user:password@host/database` */
  url: string;
  /** Where the driver sends its queries; unset, the driver derives it from the host, as Neon wants it. */
  fetchEndpoint?: string | undefined;
}

const TRANSACTIONS = {
  snapshot: { isolationLevel: "RepeatableRead", readOnly: true },
  write: { isolationLevel: "ReadCommitted", readOnly: false },
} as const satisfies Record<Transaction, object>;

/**
 * Neon's HTTP driver: every call is one HTTPS request and holds nothing afterwards, as a Worker needs, whose I/O may
 * not outlive its request.
 */
export function neonDriver({ url, fetchEndpoint }: NeonOptions): Driver {
  if (fetchEndpoint) neonConfig.fetchEndpoint = fetchEndpoint;
  neonConfig.fetchFunction = fetchTraced;
  const sql = neon(url);
  const prepared = ({ text, values }: Statement) => sql.query(text, values);
  return {
    query: async ({ text, values }, deadline, headers) =>
      sql.query(text, values, { fetchOptions: optionsOf(deadline, headers) }),
    batch: async (transaction, statements, deadline, headers) =>
      sql.transaction(statements.map(prepared), {
        ...TRANSACTIONS[transaction],
        fetchOptions: optionsOf(deadline, headers),
      }),
  };
}

interface Options extends RequestInit {
  traceHeaders?: TraceHeaders | undefined;
}

const optionsOf = (deadline: number, traceHeaders: TraceHeaders | undefined): Options => ({
  signal: AbortSignal.timeout(timeTo(deadline)),
  traceHeaders,
});

/** The driver's option `headers` would replace its own, so the headers of a trace are added here. */
function fetchTraced(url: string, { traceHeaders, ...options }: Options): Promise<Response> {
  return fetch(url, { ...options, headers: { ...(options.headers as object), ...traceHeaders } });
}
