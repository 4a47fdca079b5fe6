/** A deployment of the Worker: what can fail without a trace comes first, then the migrations, then the new version. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { StartupError } from "../src/startup-error.ts";
import { withClient } from "./command.ts";
import type { Finding } from "./doctor/finding.ts";
import { examineWorker } from "./doctor/worker.ts";
import { migrate } from "./migrations.ts";
import { readPending } from "./pending.ts";
import { runWrangler, wranglerFlags } from "./wrangler.ts";

export interface DeployOptions {
  /** An environment of wrangler.toml. */
  environment: string | undefined;
  /** A role that gets the privileges of the app. */
  grantTo: string | undefined;
  /** The maximum number of seconds to wait for locks, and for another deployment. */
  wait: number;
  /** Changes nothing. */
  isDryRun: boolean;
}

/** The key of the advisory lock for deployments. */
const LOCK = 7_250_871;
const PAUSE_MS = 1000;

/** What a deployment that breaks off leaves, by what it was doing. */
const STATES = {
  checking: "Nothing was changed.",
  migrating:
    "Migrations that were complete stay, the one that was running was rolled back, and the Worker was not replaced. The version that serves runs on this schema. Run the command again.",
  uploading:
    "The database is migrated. The Worker may not have been replaced; the version that serves runs on this schema. Run the command again.",
} as const;

/** @returns its end, and how to stop it, which gives a sentence about what it has changed so far */
export function deploy(url: string, options: DeployOptions) {
  const stopping = new AbortController();
  let stage: keyof typeof STATES = "checking";
  const stop = () => {
    stopping.abort();
    return STATES[stage];
  };
  const run = async () => {
    try {
      await requireDeployable(options);
      await withClient(directUrl(url), async (client) => {
        await takeTurn(client, options.wait);
        await announce(client);
        if (options.isDryRun) return;
        stage = "migrating";
        await migrate(directUrl(url), { ...options, onProgress: print });
        print("The database is up to date.");
        stage = "uploading";
        await upload(options, stopping.signal);
      });
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      throw new StartupError(`${error.message}\n${STATES[stage]}`);
    }
    print(options.isDryRun ? "This was a dry run: nothing was changed." : "The Worker is deployed.");
  };
  return { done: run(), stop };
}

/** Neon's pooler gives the connection, and with it the lock, to others. The same host without `-pooler` is direct. */
export function directUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const direct = new URL(url);
  if (direct.hostname.endsWith(".neon.tech")) direct.hostname = direct.hostname.replace(/-pooler(?=\.)/, "");
  return direct.href;
}

/** Refuses a Worker that would not answer, or whose code cannot be bundled, before anything is changed. */
async function requireDeployable({ environment }: DeployOptions): Promise<void> {
  const { findings } = await examineWorker(environment);
  for (const { message } of findings.filter(({ status }) => status === "warning")) print(message);
  const faults = findings.filter(({ status }) => status === "fault");
  if (faults.length > 0) throw new StartupError(faults.map(sentenceOf).join("\n"));
  const { code, stderr } = await runWrangler(["deploy", "--dry-run", ...wranglerFlags(environment)]);
  if (code !== 0) throw new StartupError(`The Worker cannot be built:\n${stderr.trim()}`);
}

const sentenceOf = ({ message, remedy }: Finding) => `${message} ${remedy}`;

/** Waits for other deployments to this database. The lock ends with the connection, however the command ends. */
async function takeTurn(client: pg.Client, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  for (let isFirst = true; ; isFirst = false) {
    const { rows } = await client.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [
      LOCK,
    ]);
    if (rows[0]?.taken) return;
    if (performance.now() + PAUSE_MS > end) throw new StartupError("Another deployment is running.");
    if (isFirst) print("Waiting. Another deployment is running.");
    await sleep(PAUSE_MS);
  }
}

async function announce(client: pg.Client): Promise<void> {
  const { migrations, isNewer } = await readPending(client);
  if (isNewer) print("The database has migrations of a later version than the one to deploy.");
  const list = migrations.length > 0 ? migrations.join(", ") : "none";
  print(`Migrations to apply: ${list}.`);
}

async function upload({ environment }: DeployOptions, signal: AbortSignal): Promise<void> {
  const print = (text: string) => process.stdout.write(text);
  const { code } = await runWrangler(["deploy", ...wranglerFlags(environment)], print, signal);
  if (code !== 0) throw new StartupError("Wrangler failed to deploy the Worker; its message is above.");
}

function print(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
