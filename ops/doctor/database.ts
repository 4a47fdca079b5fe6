/** The database that DATABASE_URL names, as the role of the app sees it. */
import pg from "pg";
import { DATABASE_FACTS, type DatabaseFacts, REQUIREMENTS } from "../../src/db/requirements.ts";
import { refusalOf } from "../command.ts";
import { readPending } from "../pending.ts";
import { examineActivity, examineReplication } from "./activity.ts";
import { clockFinding } from "./authentication.ts";
import { connect, examinePooler, examineRoundTrip, unreachable } from "./connection.ts";
import { count, type Finding, fault, ok, skipped, warning } from "./finding.ts";
import { examineRights } from "./rights.ts";

const MIGRATE = "npm run db:migrate";
const WITHOUT_URL =
  "DATABASE_URL is not set, so no database was examined. In a checkout, npm start prepares the embedded Postgres.";

/** @param deadline of a request in milliseconds */
export async function examineDatabase(url: string | undefined, deadline: number): Promise<Finding[]> {
  if (!url) return [skipped("connection", WITHOUT_URL)];
  if (!URL.canParse(url)) return [skipped("connection", "DATABASE_URL is not a URL.")];
  let client: pg.Client;
  try {
    client = await connect(url);
  } catch (error) {
    return [unreachable(url, error)];
  }
  try {
    return await examine(client, url, deadline);
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      return [
        fault("connection", refusalOf(error), "Grant the role what it lacks, or examine as another one."),
      ];
    }
    return [unreachable(url, error)];
  } finally {
    await client.end();
  }
}

async function examine(client: pg.Client, url: string, deadline: number): Promise<Finding[]> {
  const facts = await factsOf(client);
  const rights = facts.migrations === "none" ? [] : await examineRights(client);
  const mayRead = rights.every(({ status }) => status !== "fault");
  return [
    await examineRoundTrip(client, url),
    ...requirementFindings(facts),
    ...(await examineMigrations(client, facts, mayRead)),
    ...rights,
    timeoutFinding(facts, deadline),
    clockFinding("clock", "the database", facts.skew),
    await examinePooler(client, url),
    ...(await examineReplication(client)),
    await examineActivity(client),
  ];
}

type Facts = DatabaseFacts & {
  name: string;
  ctype: string;
  role: string;
  statement_timeout: number;
  /** Seconds that this machine's clock is ahead. */
  skew: number;
  /** Whether there is a list of migrations, and whether the role may read it. */
  migrations: "none" | "secret" | "readable";
};

async function factsOf(client: pg.Client): Promise<Facts> {
  const sent = Date.now();
  const { rows } = await client.query<Facts & { now_ms: string }>(`select ${DATABASE_FACTS},
    quote_ident(datname) as name, datctype as ctype, quote_ident(current_user) as role,
    (select setting::int from pg_settings where name = 'statement_timeout') as statement_timeout,
    (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms,
    coalesce((
      select case when has_schema_privilege(relnamespace, 'usage') and has_table_privilege(pg_class.oid, 'select')
        then 'readable' else 'secret' end
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = 'drizzle' and relname = '__drizzle_migrations'
    ), 'none') as migrations
    from pg_database where datname = current_database()`);
  const [facts] = rows;
  if (!facts) throw new Error("the catalogue does not list the current database");
  const skew = ((sent + Date.now()) / 2 - Number(facts.now_ms)) / 1000;
  return { ...facts, skew };
}

const REMEDIES: Record<RequirementName, string> = {
  version: "Move to a newer server: pg_dump there, pg_restore here. docs/deploy.md has the steps.",
  encoding: "createdb --encoding UTF8 --template template0 NAME",
  icu: "Use the builds of Debian, of Docker or of postgresql.org.",
  pg_trgm: "apt-get install postgresql-contrib",
  fuzzystrmatch: "apt-get install postgresql-contrib",
};

type RequirementName = keyof typeof REQUIREMENTS;

function requirementFindings(facts: Facts): Finding[] {
  const names = Object.keys(REQUIREMENTS) as RequirementName[];
  const faults = names
    .filter((name) => !REQUIREMENTS[name].isMet(facts))
    .map((name) => fault(name, REQUIREMENTS[name].fault(facts), REMEDIES[name]));
  const good = `PostgreSQL ${facts.version} in UTF8, with ICU, pg_trgm and fuzzystrmatch.`;
  const findings = faults.length > 0 ? faults : [ok("version", good)];
  if (!["C", "POSIX"].includes(facts.ctype)) return findings;
  const sentence = `The LC_CTYPE of the database is ${facts.ctype}, so searches beyond ASCII are slow.`;
  return [...findings, warning("ctype", sentence, "createdb --template template0 --lc-ctype C.UTF-8 NAME")];
}

/** What the newest migration leaves to be done afterwards, and what a restore leaves. */
const LEFT = `select not exists (select from book_feed where cluster is not null) as lacks_books,
    exists (select from book_feed, pg_control_system() where cluster <> system_identifier) as is_foreign,
    exists (select from pg_constraint where connamespace = 'public'::regnamespace and not convalidated) as is_unchecked,
    exists (select from pg_index where indrelid = 'books'::regclass and not indisvalid) as lacks_index`;

/** @param mayRead whether the role has its rights, and so can look at what is left to be done */
async function examineMigrations(client: pg.Client, facts: Facts, mayRead: boolean): Promise<Finding[]> {
  if (facts.migrations === "none") return [fault("migrations", "The database is empty.", MIGRATE)];
  if (facts.migrations === "secret") {
    const sentence = `The role ${facts.role} cannot read the list of migrations.`;
    return [
      fault("migrations", sentence, `As the owner of the database: ${MIGRATE} -- --grant ${facts.role}`),
    ];
  }
  const { migrations, isNewer } = await readPending(client);
  if (migrations.length > 0) {
    const sentence = `${count(migrations.length, "migration")} pending: ${migrations.join(", ")}.`;
    return [fault("migrations", sentence, MIGRATE)];
  }
  const also = isNewer ? ", and has those of a later version" : "";
  return [
    ok("migrations", `The database has all migrations of this version${also}.`),
    ...(mayRead ? await examineRest(client) : []),
  ];
}

async function examineRest(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<{
    lacks_books: boolean;
    is_foreign: boolean;
    is_unchecked: boolean;
    lacks_index: boolean;
  }>(LEFT);
  const { lacks_books, is_foreign, is_unchecked, lacks_index } = rows[0] ?? {};
  return [
    ...(lacks_books ? [fault("feed", "The feed of changes does not have all books yet.", MIGRATE)] : []),
    ...(is_foreign
      ? [fault("feed", "The database was restored, and its feed of changes refuses all requests.", MIGRATE)]
      : []),
    ...(is_unchecked || lacks_index
      ? [warning("unfinished", "The last migration has indexes or constraints to finish.", MIGRATE)]
      : []),
  ];
}

/** A database call gets this fraction of a request's deadline. */
const SHARE = 0.9;

function timeoutFinding({ statement_timeout: timeout, name }: Facts, deadline: number): Finding {
  const limit = deadline * SHARE;
  if (timeout > 0 && timeout <= limit) return ok("statement_timeout", `statement_timeout is ${timeout} ms.`);
  const sentence =
    timeout === 0
      ? "The database has no statement_timeout, as after a restore: statements outlive their requests."
      : `statement_timeout is ${timeout} ms, and a database call has ${limit} ms: statements outlive their requests.`;
  const shorter = `alter database ${name} set statement_timeout = ${Math.floor(deadline * 0.8)}`;
  return warning("statement_timeout", sentence, timeout === 0 ? MIGRATE : shorter);
}
