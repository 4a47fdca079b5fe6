import { neon, neonConfig } from "@neondatabase/serverless";
import { drizzle } from "drizzle-orm/neon-http";
import type { Database } from "./database.ts";
import { faultOf } from "./faults.ts";

export interface NeonOptions {
  /** `postgres://user:password@host/database` */
  url: string;
  /** Where the driver sends its queries; unset, the driver derives it from the host, as Neon wants it. */
  fetchEndpoint?: string | undefined;
}

/**
 * Opens Neon's HTTP driver: every call is one HTTPS request and holds nothing afterwards, as a Worker needs,
 * whose I/O may not outlive its request.
 *
 * @returns what makes a {@link Database} whose calls are aborted by `signal`
 */
export function connectNeon({ url, fetchEndpoint }: NeonOptions): (signal: AbortSignal) => Database {
  if (fetchEndpoint) neonConfig.fetchEndpoint = fetchEndpoint;
  return (signal) => {
    const fetchOptions = { signal };
    const database = drizzle({
      client: neon(url, { fetchOptions, isolationLevel: "RepeatableRead", readOnly: true }),
    });
    const run = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        throw faultOf(error);
      }
    };
    return {
      query: <T>(statement: Parameters<Database["query"]>[0]) =>
        run(async () => (await database.execute(statement)).rows as T[]),
      snapshot: (statements) =>
        run(async () => {
          const [first, ...rest] = statements.map((statement) => database.execute(statement));
          if (!first) return [];
          return (await database.batch([first, ...rest])).map((result) => result.rows);
        }),
    };
  };
}
