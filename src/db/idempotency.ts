/** Writes that happen once per idempotency key, however often they are sent and whether or not their responses arrive. */
import { sql } from "drizzle-orm";
import { unconditionally, type WriteSteps } from "./conditional-write.ts";
import type { Database, Row } from "./ports.ts";
import { idempotencyKeys } from "./schema.ts";
import {
  bind,
  type Definition,
  defineStatement,
  type Names,
  type Sharing,
  type Types,
  type Value,
  type Values,
} from "./statements.ts";

/** What a request with an Idempotency-Key claims. */
export interface Claim {
  /** Digest of the caller and the key. */
  key: string;
  /** Digest of the request, to tell it from other requests with the same key. */
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

const CLAIM = { key: "text", fingerprint: "text", status: "smallint", collection: "text" } as const;
type ClaimTypes = typeof CLAIM;

/** A write as two statements: without a claim, and under one. */
export interface KeyedWrite<T extends Types> {
  plain: Definition<T>;
  claimed: Definition<T & ClaimTypes>;
}

/**
 * Defines a write that a claim can guard. Its outcome has the columns of a resource (`resource.ts`).
 *
 * @param sharing as in a {@link Definition}, without a claim
 */
export function keyedWrite<const T extends Types>(
  types: T,
  steps: WriteSteps<T>,
  sharing?: Sharing,
): KeyedWrite<T> {
  return {
    plain: unconditionally(types, steps, sharing),
    claimed: { types: { ...types, ...CLAIM }, build: (value) => writeOnce(steps, value) },
  };
}

/** How many outdated records are deleted with each new one. */
const SWEPT = 10;

const isOver = sql`created_at <= now() - interval '24 hours'`;

/**
 * Makes a write; under a claim, makes it once. Its reply is kept for a day and given again to the same request. A refused
 * write keeps nothing, so it can be tried again.
 *
 * Claim and write are two statements of one transaction, so that the second sees everything that was committed before the
 * first took the lock. Nobody waits for the lock, which ends with the transaction.
 *
 * @returns the outcome of the write, or the reply to the first request
 * @throws InProgressFault, MismatchFault, and the faults of the write
 */
export async function writeKeyed<T extends Types, Outcome extends Row>(
  database: Database,
  claim: Claim | undefined,
  { plain, claimed: definition }: KeyedWrite<T>,
  values: Values<T>,
): Promise<Outcome | Replay> {
  if (!claim) {
    const [outcome] = await database.write<Outcome>(bind(plain, values));
    return outcome as Outcome;
  }
  const [, [row]] = (await database.batch("write", [
    bind(lock, { key: claim.key }),
    bind(definition, { ...values, ...claim } as Values<T & ClaimTypes>),
  ])) as [unknown, [Outcome & { claimed: boolean; earlier: string | null }]];
  const { claimed, earlier, ...outcome } = row;
  if (earlier !== null) {
    const { fingerprint, ...reply }: Replay & { fingerprint: string } = JSON.parse(earlier);
    if (fingerprint !== claim.fingerprint) throw new MismatchFault();
    return reply;
  }
  if (!claimed) throw new InProgressFault();
  return outcome as unknown as Outcome;
}

const lock = defineStatement({
  types: { key: "text" },
  build: (value) =>
    sql`select set_config('octavo.claimed', pg_try_advisory_xact_lock(hashtextextended(${value("key")}, 0))::text, true)`,
});

/** The headers of a reply, from an id, a version and a format (null in replies that the previous version kept), if any. */
const headersOf = (value: Value<Names<ClaimTypes>>) => sql`jsonb_strip_nulls(jsonb_build_object(
        'ETag', '"' || nullif(concat_ws('.', id, version, format), '') || '"',
        'Location', ${value("collection")} || '/' || id
      ))`;

const writeOnce = <T extends Types>(steps: WriteSteps<T>, value: Value) => sql`with earlier as materialized (
        select fingerprint, coalesce(status, ${value("status")}) as status,
          coalesce(headers, ${headersOf(value)}) as headers, coalesce(body, json) as body
        from ${idempotencyKeys}, (select null::int as format) as unknown
        where key = ${value("key")} and not ${isOver}
      ),
      proceed as materialized (
        select where current_setting('octavo.claimed')::boolean and not exists (select from earlier)
      ),
      ${steps(sql`exists (select from proceed)`, value)},
      kept as (
        insert into ${idempotencyKeys} (key, fingerprint, status, headers, body, id, version, json)
        select ${value("key")}, ${value("fingerprint")}, ${value("status")}, ${headersOf(value)}, json,
          id::uuid, version::bigint, json
        from outcome where refusal is null
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
        (select row_to_json(earlier)::text from earlier) as earlier, outcome.*
      from (select) one left join outcome on true`;
