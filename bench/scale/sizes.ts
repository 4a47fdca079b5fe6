/** What Postgres counts: bytes of tables and indexes, pages, WAL; and bytes and memory that the system counts. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import type pg from "pg";
import type { Catalogue } from "../catalogue.ts";
import { isbnOf } from "../catalogue.ts";
import { type HttpRequest, NEXT_ISBN } from "../requests.ts";
import type { Relation, Size } from "./results.ts";

/** The tables that grow with the books. */
const TABLES = ["books", "book_search", "search_words", "book_changes", "stock_movements"];

/** The bytes of the tables that grow with the books, each with its TOAST, and of their indexes. */
export async function relationsOf(client: pg.Client): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `select name, name as table, pg_table_size(name::regclass)::float8 as bytes from unnest($1::text[]) name
     union all
     select indexrelid::regclass::text, indrelid::regclass::text, pg_relation_size(indexrelid)::float8
     from pg_index where indrelid::regclass::text = any ($1)
     order by 2, 3 desc`,
    [TABLES],
  );
  return rows;
}

/** Transactions and pages of this database, and bytes of WAL, since the beginning. */
export async function counters({ client }: Catalogue) {
  const { rows } = await client.query<{ transactions: number; pages: number; wal: number }>(
    `select (xact_commit + xact_rollback)::float8 as transactions, (blks_hit + blks_read)::float8 as pages,
       (pg_current_wal_insert_lsn() - '0/0')::float8 as wal
     from pg_stat_database where datname = current_database()`,
  );
  return rows[0] as { transactions: number; pages: number; wal: number };
}

/** Bytes of memory that belong to a backend of this database alone, on average. Shared buffers do not count. */
export async function backendMemory({ client }: Catalogue): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()",
  );
  const sizes = await Promise.all(
    rows.map(async ({ pid }) => {
      const [, kib] =
        (await readFile(`/proc/${pid}/smaps_rollup`, "utf8")).match(/^Pss_Anon:\s+(\d+) kB$/m) ?? [];
      return Number(kib) * 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
}

/** The requests that {@link sizeOf} sends. */
export const SAMPLES = 100;

/**
 * The bytes of requests and responses on the wire, with headers, on average.
 *
 * @param isbns the number of the first ISBN for books to create
 */
export async function sizeOf(
  origin: string,
  requests: HttpRequest[],
  isbns: number,
): Promise<Omit<Size, "kind">> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let socket: Socket | undefined;
  for (let at = 0; at < SAMPLES; at++) {
    const { method, path, headers, body } = requests[at % requests.length] as HttpRequest;
    const text = body?.replace(NEXT_ISBN, isbnOf(isbns + at));
    const sent = request(origin + path, {
      agent,
      method,
      headers: { ...headers, ...(text && { "Content-Type": "application/json" }) },
    });
    const [response] = (await once(sent.end(text), "response")) as [IncomingMessage];
    if (!response.statusCode || response.statusCode > 299)
      throw new Error(`${method} ${path} answered ${response.statusCode}`);
    ({ socket } = response);
    await response.toArray();
  }
  const size = {
    request: (socket?.bytesWritten ?? 0) / SAMPLES,
    response: (socket?.bytesRead ?? 0) / SAMPLES,
  };
  agent.destroy();
  return size;
}
