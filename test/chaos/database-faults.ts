/** What breaks between a server and its database, and in the database. */
import { setTimeout as sleep } from "node:timers/promises";
import { ROLE } from "./cluster.ts";
import type { Fault, World } from "./fault.ts";
import type { Mode } from "./gate.ts";
import { DEADLINE_MS } from "./servers.ts";

/** Of the connections of all servers, so many remain. */
const FEW_CONNECTIONS = 4;

/** The servers' gates treat what passes in a mode. */
const gates = (name: string, mode: Mode, more: Partial<Fault> = {}): Fault => ({
  name,
  of: "database",
  ...more,
  async begin({ servers }) {
    for (const { gate } of servers) gate.mode = mode;
    return async () => {
      for (const { gate } of servers) gate.mode = "open";
    };
  },
});

const refused: Fault = {
  name: "connections are refused",
  of: "database",
  reddens: true,
  async begin({ servers }) {
    for (const { gate } of servers) gate.proxy.refuse();
    return async () => void (await Promise.all(servers.map(({ gate }) => gate.proxy.accept())));
  },
};

const killed: Fault = {
  name: "Postgres is killed (SIGKILL)",
  of: "database",
  reddens: true,
  async begin({ cluster }) {
    await cluster.kill();
    return () => cluster.restart();
  },
};

/** A setting of the database, which sessions take at their beginning. */
const setting = (
  name: string,
  parameter: string,
  value: string,
  disturb?: (world: World) => () => Promise<void>,
): Fault => ({
  name,
  of: "database",
  async begin(world) {
    const { cluster } = world;
    await cluster.alter(`set ${parameter} = ${value}`);
    await cluster.endSessions();
    const stop = disturb?.(world);
    return async () => {
      await stop?.();
      await cluster.alter(`reset ${parameter}`);
      await cluster.endSessions();
    };
  },
});

const exhausted: Fault = {
  name: "connections run out",
  of: "database",
  async begin({ cluster }) {
    await cluster.sql(`alter role ${ROLE} connection limit ${FEW_CONNECTIONS}`);
    await cluster.endSessions();
    return async () => void (await cluster.sql(`alter role ${ROLE} connection limit -1`));
  },
};

/** Runs SQL again and again in a session of its own. Its errors are part of the disturbance. */
function repeating(statements: string[], { cluster, sold }: World): () => Promise<void> {
  let isOver = false;
  const run = async () => {
    const client = await cluster.connect();
    while (!isOver) {
      for (const text of statements) {
        const values = text.includes("$1") ? [sold] : [];
        await client.query(text, values).catch(() => {});
      }
      await sleep(5);
    }
    await client.end();
  };
  const ended = run();
  return async () => {
    isOver = true;
    await ended;
  };
}

const deadlocked: Fault = {
  name: "deadlocks",
  of: "database",
  async begin(world) {
    // The other session takes the locks in the other order, and lets the app's be the one that fails.
    return repeating(
      [
        "begin",
        "set local deadlock_timeout = '1h'",
        "lock table stock_movements in exclusive mode",
        "select pg_sleep(0.05)",
        "select from books where id = any($1) order by id for update",
        "rollback",
        "select pg_sleep(0.1)",
      ],
      world,
    );
  },
};

/** The order matters for nothing but the report. */
export const DATABASE_FAULTS: Fault[] = [
  refused,
  gates("queries hang", "holdRequests", { reddens: true }),
  gates("answers hang", "holdAnswers", { reddens: true }),
  gates("answers are cut", "cut"),
  gates("answers are slow", "slow"),
  // Nothing tells a server that such a connection has gone: it ends once its query has had its time.
  gates("connections go silent", "lose", { reddens: true, recovery: 2 * DEADLINE_MS }),
  killed,
  setting("the database is read-only", "default_transaction_read_only", "on"),
  exhausted,
  deadlocked,
  setting("serialization fails", "default_transaction_isolation", "'repeatable read'", (world) =>
    repeating(["update books set subjects = subjects where id = any($1)"], world),
  ),
];
