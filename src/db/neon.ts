import { neon, neonConfig } from "@neondatabase/serverless";
import { sql } from "drizzle-orm";
import { timeTo } from "../deadline.ts";
import type { CallOptions, Driver, Row, Transaction } from "./ports.ts";
import { markOf } from "./position.ts";
import type { Statement } from "./statements.ts";
import type { TraceHeaders } from "./trips.ts";

export interface NeonOptions {
  /** `postgres://user:password@host/database` */
  url: string;
  /** Where the driver sends its queries; unset, the driver derives it from the host, as Neon wants it. */
  fetchEndpoint?: string | undefined;
}

/** Nothing can run after the commit. The id of a transaction is greater than those of all that were committed before it began. */
const MARK = markOf("xid", sql`pg_current_xact_id()`);

const TRANSACTIONS = {
  snapshot: { isolationLevel: "RepeatableRead", readOnly: true },
  write: { isolationLevel: "ReadCommitted", readOnly: false },
  guarded: { isolationLevel: "ReadCommitted", readOnly: true },
} as const satisfies Record<Transaction | "guarded", object>;

/**
 * Neon's HTTP driver: every call is one HTTPS request and holds nothing afterwards, as a Worker needs, whose I/O may
 * not outlive its request.
 */
export function neonDriver({ url, fetchEndpoint }: NeonOptions): Driver {
  if (fetchEndpoint) neonConfig.fetchEndpoint = fetchEndpoint;
  neonConfig.fetchFunction = fetchTraced;
  const client = neon(url);
  const prepared = ({ text, values }: Statement) => client.query(text, values);
  const transact = async (
    transaction: keyof typeof TRANSACTIONS,
    statements: Statement[],
    deadline: number,
    { traceHeaders, guard, mark }: CallOptions = {},
  ): Promise<Row[][]> => {
    const all = [...(guard ? [guard.statement] : []), ...statements, ...(mark ? [MARK] : [])];
    const results: Row[][] = await client.transaction(all.map(prepared), {
      ...TRANSACTIONS[transaction],
      fetchOptions: optionsOf(deadline, traceHeaders),
    });
    guard?.accept(results.shift()?.[0]);
    mark?.(results.pop()?.[0] as Row);
    return results;
  };
  return {
    isOneTransaction: true,
    async query(statement, deadline, options = {}) {
      const { traceHeaders, guard, mark } = options;
      if (guard || mark) {
        const [rows = []] = await transact(guard ? "guarded" : "write", [statement], deadline, options);
        return rows;
      }
      const { text, values } = statement;
      return client.query(text, values, { fetchOptions: optionsOf(deadline, traceHeaders) });
    },
    batch: transact,
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
