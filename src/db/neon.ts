import { neon, neonConfig } from "@neondatabase/serverless";
import type { SQL } from "drizzle-orm";
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
    return {
      // Statements are compiled before the driver runs them, so that a fault of ours there is no fault of the database.
      query: async <T>(statement: SQL) => {
        const query = database.execute(statement);
        return (await told(query)).rows as T[];
      },
      snapshot: async (statements) => {
        const [first, ...rest] = statements.map((statement) => database.execute(statement));
        return first ? (await told(database.batch([first, ...rest]))).map((result) => result.rows) : [];
      },
    };
  };
}

/** Lets a driver's error tell what it means to the API. */
async function told<T>(result: PromiseLike<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw faultOf(error);
  }
}
