/** Writes that happen once for an idempotency key, however often they are sent and whatever becomes of their answers. */
import { type SQL, sql } from "drizzle-orm";
import type { Database, Row } from "./ports.ts";
import { idempotencyKeys } from "./schema.ts";
import type { Definition, Value } from "./statements.ts";

/** What a request with an Idempotency-Key lays claim to. */
export interface Claim {
  /** Digest of the caller and the key. */
  key: string;
  /** Digest of the request, which tells it from others under the same key. */
  fingerprint: string;
  /** The status to reply with once the write is made. */
  status: number;
  /** The path that the new resource's id goes on; null where none is created. */
  collection: string | null;
}

/** A reply as it was sent to the first request with the key. */
export interface Replay {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** The first request with the key is still running. */
export class InProgressFault extends Error {
  override name = "InProgressFault";
}

/** The key was used for another request. */
export class MismatchFault extends Error {
  override name = "MismatchFault";
}

/** A write, as two statements: by itself, and under a claim. */
export interface Effect {
  plain: Definition;
  claimed: Definition;
}

/**
 * Defines a write that may be claimed.
 *
 * @param build its CTEs, which neither lock nor change anything where `go` is false. Where it is true the last of them,
 *   `effect`, has one row: the columns of the resource written (`resource.ts`), with an id of null where the write was refused, and
 *   such as tell why
 * @param list as in a {@link Definition}
 */
export function defineEffect(build: (go: SQL, value: Value) => SQL, list?: string): Effect {
  return {
    plain: {
      build: (value) => sql`with ${build(sql`true`, value)} select * from effect`,
      ...(list !== undefined && { list }),
    },
    claimed: { build: (value) => effectOnce(build(sql`exists (select from go)`, value), value) },
  };
}

/** How many keys that are out of date go with each new one. */
const SWEPT = 10;

const isOver = sql`created_at <= now() - interval '24 hours'`;

/**
 * Makes a write, or under a claim makes it once: the reply to it is kept for a day, and given again to the same request. A
 * refused write leaves nothing, and is made anew.
 *
 * Claim and effect are two statements of one transaction, so that the second sees whatever was committed before the first
 * took the lock. Nobody waits for the lock, which is free again with the transaction's end.
 *
 * @returns the row of `effect`, or the reply to the first request
 * @throws InProgressFault, MismatchFault, and the faults of the effect
 */
export async function once<T extends Row>(
  database: Database,
  claim: Claim | undefined,
  { plain, claimed: definition }: Effect,
  values: Record<string, unknown>,
): Promise<T | Replay> {
  if (!claim) {
    const [row] = await database.write<T>({ definition: plain, values });
    return row as T;
  }
  const [, [row]] = (await database.batch("write", [
    { definition: lock, values: { ...claim } },
    { definition, values: { ...values, ...claim } },
  ])) as [unknown, [T & { claimed: boolean; earlier: string | null }]];
  const { claimed, earlier, ...outcome } = row;
  if (earlier !== null) {
    const { fingerprint, ...reply }: Replay & { fingerprint: string } = JSON.parse(earlier);
    if (fingerprint !== claim.fingerprint) throw new MismatchFault();
    return reply;
  }
  if (!claimed) throw new InProgressFault();
  return outcome as unknown as T;
}

const lock: Definition = {
  build: (value) =>
    sql`select set_config('octavo.claimed', pg_try_advisory_xact_lock(hashtextextended(${value("key")}::text, 0))::text, true)`,
};

/** The headers of a reply, from an id, a version and a format (null in replies that the previous version kept). */
const headersOf = (value: Value) => sql`jsonb_strip_nulls(jsonb_build_object(
        'ETag', '"' || concat_ws('.', id, version, format) || '"',
        'Location', ${value("collection")}::text || '/' || id
      ))`;

const effectOnce = (effect: SQL, value: Value) => sql`with earlier as materialized (
        select fingerprint, coalesce(status, ${value("status")}::smallint) as status,
          coalesce(headers, ${headersOf(value)}) as headers, coalesce(body, json) as body
        from ${idempotencyKeys}, (select null::int as format) as unknown
        where key = ${value("key")} and not ${isOver}
      ),
      go as materialized (
        select where current_setting('octavo.claimed')::boolean and not exists (select from earlier)
      ),
      ${effect},
      kept as (
        insert into ${idempotencyKeys} (key, fingerprint, status, headers, body, id, version, json)
        select ${value("key")}::text, ${value("fingerprint")}::text, ${value("status")}::smallint, ${headersOf(value)}, json,
          id::uuid, version::bigint, json
        from effect where id is not null
        on conflict (key) do update set (fingerprint, status, headers, body, id, version, json, created_at) = (
          excluded.fingerprint, excluded.status, excluded.headers, excluded.body,
          excluded.id, excluded.version, excluded.json, excluded.created_at
        )
        returning key
      ),
      swept as (
        delete from ${idempotencyKeys} using (
          select key from ${idempotencyKeys} where ${isOver} and key <> ${value("key")} and exists (select from kept)
          order by created_at limit ${sql.raw(`${SWEPT}`)} for update skip locked
        ) old where ${idempotencyKeys.key} = old.key
      )
      select current_setting('octavo.claimed')::boolean as claimed,
        (select row_to_json(earlier)::text from earlier) as earlier, effect.*
      from (select) one left join effect on true`;
