/** A server of its own for `npm run check:clients`: the app on Node, on an embedded Postgres with the sample catalogue. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../../dev/postgres.ts";
import { loadSample } from "../../dev/sample.ts";
import { migrate } from "../../ops/migrations.ts";
import { SECRET } from "../support/token.ts";

export interface Server {
  url: string;
  stop(): Promise<void>;
}

/** Starts the built server, in `dist/`. */
export async function startServer(): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), "octavo-clients-"));
  // If root runs this, Postgres runs as another user, who needs access.
  await chmod(directory, 0o755);
  const postgres = await startPostgres({ directory: join(directory, "postgres"), flags: ["fsync=off"] });
  const stopDatabase = async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await postgres.createDatabase("octavo");
    const database = postgres.url("octavo");
    await migrate(database);
    await loadSample(database);
    const server = await launch(database);
    return {
      url: server.url,
      async stop() {
        await server.stop();
        await stopDatabase();
      },
    };
  } catch (error) {
    await stopDatabase();
    throw error;
  }
}

async function launch(database: string): Promise<Server> {
  const child = spawn(process.execPath, ["dist/node.js"], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database,
      AUTH_SECRET: SECRET,
      PORT: "0",
      RATE_LIMIT: "off",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exit = once(child, "close");
  let notices = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      notices += text;
      const [, found] = notices.match(/ at (http:[^\s,]+)[,\n]/) ?? [];
      if (found) resolve(found);
    });
    exit.then(() => reject(new Error(`The server exited: ${notices}`)), reject);
  });
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await exit;
    },
  };
}
