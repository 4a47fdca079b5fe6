/** How the doctor reaches the database, and what mends it if it cannot. */
import pg from "pg";
import { type Finding, fault, ok, warning } from "./finding.ts";

const TIMEOUT_MS = 5000;

/** Milliseconds of a round trip beyond which the app is far from its database. */
const FAR_MS = 20;

const WRONG_CERTIFICATE =
  "Set NODE_EXTRA_CA_CERTS to the file of the certificate authority that signed it, in the PEM format.";

/** By SQLSTATE, or by the code of a system error. */
const REMEDIES: Record<string, string> = {
  ECONNREFUSED: "Start Postgres there, or correct the host and the port in DATABASE_URL.",
  ENOTFOUND: "Correct the host in DATABASE_URL.",
  EAI_AGAIN: "Let this machine resolve names: see /etc/resolv.conf.",
  "28P01": "Correct the user and the password in DATABASE_URL.",
  "28000":
    "Let this role connect from this machine: add a line to pg_hba.conf, and run select pg_reload_conf().",
  "3D000": "Create the database, and then its tables: createdb --encoding UTF8 NAME && npm run db:migrate",
  "53300": "Raise max_connections of the server, or lower DATABASE_POOL_SIZE or PROCESSES.",
  "57P03": "Wait until Postgres has started.",
  SELF_SIGNED_CERT_IN_CHAIN: WRONG_CERTIFICATE,
  DEPTH_ZERO_SELF_SIGNED_CERT: WRONG_CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: WRONG_CERTIFICATE,
  ERR_TLS_CERT_ALTNAME_INVALID: "Use the name in the certificate as the host of DATABASE_URL.",
};
const OTHERWISE =
  "Check the host, the port and the parameters in DATABASE_URL, and that the firewall lets this machine through.";

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "octavo-doctor",
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  // A broken connection also rejects its query. Without a listener, the event would end the process.
  client.on("error", () => {});
  await client.connect();
  return client;
}

export function unreachable(url: string, error: unknown): Finding {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const reason = message || code || "no answer";
  const sentence = `The database at ${new URL(url).host} cannot be reached: ${reason}.`;
  return fault("connection", sentence, REMEDIES[code] ?? OTHERWISE);
}

/** Measures the round trip, which dominates the latency of a request. */
export async function examineRoundTrip(client: pg.Client, url: string): Promise<Finding> {
  const times: number[] = [];
  for (let time = 0; time < 5; time++) {
    const started = performance.now();
    await client.query("select");
    times.push(performance.now() - started);
  }
  const fastest = Math.min(...times);
  const sentence = `${new URL(url).host} answers in ${fastest.toFixed(1)} ms.`;
  if (fastest <= FAR_MS) return ok("connection", sentence);
  return warning("connection", sentence, "Run Octavo in the region of its database.");
}

/**
 * Recognizes a pooler or a proxy by the process that it names for cancelling, which is not the backend's. A pooler that
 * does not know prepared statements lets two clients prepare the same name on one connection, and the second fails.
 */
export async function examinePooler(client: pg.Client, url: string): Promise<Finding> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  if ((client as pg.Client & { processID?: number }).processID === rows[0]?.pid) {
    return ok("pooler", "The connection is direct.");
  }
  const name = `octavo_doctor_${process.pid}_${Date.now()}`;
  await client.query({ name, text: "select" });
  const second = await connect(url);
  try {
    await second.query({ name, text: "select" });
    return ok("pooler", "There is a pooler or a proxy in front, which keeps prepared statements.");
  } catch {
    // The name stays on the pooler's connection until it is taken away.
    await client.query(`deallocate ${name}`).catch(() => {});
    return warning(
      "pooler",
      "The pooler in front of the database does not keep prepared statements, so that Postgres plans every statement anew.",
      "Set max_prepared_statements = 200 in pgbouncer.ini (PgBouncer 1.21 or later).",
    );
  } finally {
    await second.end();
  }
}
