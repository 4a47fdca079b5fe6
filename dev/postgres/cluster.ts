/** The database cluster of a site: its creation, its version and its password. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { StartupError } from "../../src/startup-error.ts";
import { type Binaries, environment } from "./binaries.ts";
import { firstErrorOf } from "./errors.ts";
import { exists, readIfThere } from "./files.ts";
import type { Site } from "./site.ts";

/** The superuser. */
export const USER = "octavo";

const run = promisify(execFile);

export async function readPassword(site: Site): Promise<string> {
  const password = await readIfThere(site.password);
  if (password) return password;
  throw new StartupError(
    `The password of the database in ${site.data} is missing from ${site.password}: ` +
      "restore that file, or move the data away to start with an empty database.",
  );
}

export async function hasCluster(site: Site): Promise<boolean> {
  return (await exists(site.data)) && (await readdir(site.data)).length > 0;
}

/** Checks that the data belongs to this major version of Postgres. */
export async function checkCluster(site: Site, { version }: Binaries): Promise<void> {
  const needed = `${Number.parseInt(version, 10)}`;
  const found = (await readIfThere(join(site.data, "PG_VERSION")))?.trim();
  if (found === needed) return;
  const fault = found ? `was created by Postgres ${found}, not ${needed}` : "is not a Postgres database";
  throw new StartupError(`${site.data} ${fault}: move it away to start with an empty database.`);
}

/** Creates the cluster in a temporary directory and moves it into place when it is complete. */
export async function createCluster(
  site: Site,
  binaries: Binaries,
  onProgress: (sentence: string) => void,
): Promise<void> {
  onProgress("Creating the Postgres database cluster.");
  await rm(site.password, { force: true });
  await writeFile(site.password, randomBytes(24).toString("base64url"), { mode: 0o600 });
  const prefix = "postgres.unfinished-";
  for (const name of await readdir(site.home)) {
    if (name.startsWith(prefix)) await rm(join(site.home, name), { recursive: true, maxRetries: 10 });
  }
  // A new name each time, because the initdb of a killed run may still be writing to its directory.
  const unfinished = await mkdtemp(join(site.home, prefix));
  if (site.account) {
    for (const path of [site.password, unfinished]) await chown(path, site.account.uid, site.account.gid);
  }
  const options = [
    `--pgdata=${unfinished}`,
    `--username=${USER}`,
    `--pwfile=${site.password}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    `--lc-ctype=${await utf8Ctype()}`,
    "--no-instructions",
  ];
  try {
    await run(binaries.initdb, options, { ...site.account, cwd: site.home, env: environment() });
  } catch (error) {
    throw new StartupError(
      `The Postgres database could not be created in ${site.home}: ${firstErrorOf(error)}.`,
    );
  }
  await rename(unfinished, site.data);
}

/**
 * The locale in which pg_trgm decides which characters are letters. In the C locale only ASCII letters are, and other
 * searches could not use the index. Nothing sorts or folds by it.
 */
async function utf8Ctype(): Promise<string> {
  const { stdout } = await run("locale", ["-a"]).catch(() => ({ stdout: "" }));
  const utf8 = stdout.split("\n").filter((name) => /\.utf-?8$/i.test(name));
  return (
    utf8.find((name) => name.startsWith("C.")) ??
    utf8.find((name) => name.startsWith("en_")) ??
    utf8[0] ??
    "C"
  );
}
