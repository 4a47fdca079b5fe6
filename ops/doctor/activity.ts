/** What other sessions and other servers do to the database. */
import type pg from "pg";
import { count, type Finding, ok, skipped, warning } from "./finding.ts";

/** Seconds that a standby may be behind. */
const MAX_LAG = 10;

type Standby = { is_standby: boolean; is_behind: boolean; lag: number | null };

/** A standby that has replayed all that it received is up to date, however long ago the last commit was. */
const STANDBY = `select pg_is_in_recovery() as is_standby,
    pg_last_wal_receive_lsn() is distinct from pg_last_wal_replay_lsn()
      or not exists (select from pg_stat_wal_receiver) as is_behind,
    extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float as lag`;

/** Without the right to read statistics, a role sees that there are standbys, and not how they are. */
const REPLICAS = `select coalesce(nullif(application_name, ''), host(client_addr), pid::text) as name,
    extract(epoch from replay_lag)::float as lag from pg_stat_replication where state is not null`;

/** @param most the seconds that a standby may be behind */
export async function examineReplication(client: pg.Client, most = MAX_LAG): Promise<Finding[]> {
  const { rows } = await client.query<Standby>(STANDBY);
  const { is_standby, is_behind, lag } = rows[0] ?? { lag: null };
  if (!is_standby) return examineReplicas(client, most);
  const writes = warning(
    "standby",
    "The database is a standby, and takes no writes.",
    "Set DATABASE_URL to the primary, unless this instance only reads.",
  );
  if (!is_behind || lag === null || lag <= most) return [writes, ok("lag", "The standby is up to date.")];
  return [writes, lagging("The standby", lag)];
}

async function examineReplicas(client: pg.Client, most: number): Promise<Finding[]> {
  const { rows } = await client.query<{ name: string; lag: number | null }>(REPLICAS);
  return rows.map(({ name, lag }) =>
    lag !== null && lag > most
      ? lagging(`The standby ${name}`, lag)
      : ok("lag", `The standby ${name} follows.`),
  );
}

const lagging = (standby: string, lag: number) =>
  warning(
    "lag",
    `${standby} is ${count(Math.round(lag), "second")} behind.`,
    "See its log, and pg_stat_replication of the primary.",
  );

type Held = { holder: string; end: string; seconds: number };

/**
 * Sessions and prepared transactions that have been open too long. They keep dead rows from being removed, and hold
 * `complete_to` of the feed.
 */
const HELD = `select * from (
    select format('the session %s of %s', pid, usename) as holder, format('select pg_terminate_backend(%s)', pid) as "end",
      extract(epoch from clock_timestamp() - xact_start)::int as seconds
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    union all
    select format('the prepared transaction %L', gid), format('rollback prepared %L', gid),
      extract(epoch from clock_timestamp() - prepared)::int
    from pg_prepared_xacts where database = current_database()
  ) as open where seconds >= $1 order by seconds desc limit 1`;

/** @param longest the seconds for which a transaction may be open */
export async function examineActivity(client: pg.Client, longest = 3600): Promise<Finding> {
  const { rows } = await client.query<Held>(HELD, [longest]);
  const [held] = rows;
  if (held) {
    const { holder, seconds, end } = held;
    const hours = count(Math.round(seconds / 3600), "hour");
    const sentence = `A transaction has been open for ${hours}, by ${holder}. It delays copies that follow the feed, and vacuum.`;
    return warning("transactions", sentence, `End it: ${end}`);
  }
  const { rows: may } = await client.query<{ see: boolean }>(
    "select pg_has_role('pg_read_all_stats', 'usage') as see",
  );
  if (may[0]?.see) return ok("transactions", "No transaction has been open for an hour.");
  return skipped("transactions", "This role does not see how long the transactions of others are open.");
}
