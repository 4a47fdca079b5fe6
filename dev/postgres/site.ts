/** Where the files of a server are, and which account it runs as. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, readlink, realpath, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { StartupError } from "../../src/startup-error.ts";
import { firstErrorOf } from "./errors.ts";
import { exists } from "./files.ts";

/** Where a server started by root keeps its files if its user cannot access the requested directory. */
const ROOT_HOME = "/var/lib/octavo";

const run = promisify(execFile);

/** The files of a server, and the account that it runs as. */
export interface Site {
  /** The directory of all files below. */
  home: string;
  data: string;
  log: string;
  password: string;
  owner: string;
  /** The account for Postgres if this process is root; Postgres refuses to run as root. */
  account: Account | undefined;
}

interface Account {
  uid: number;
  gid: number;
}

/** Finds or creates the home of a server. */
export async function findSite(directory: string, onProgress: (sentence: string) => void): Promise<Site> {
  await mkdir(directory, { recursive: true });
  const account = await serverAccount(join(directory, "postgres"));
  const home = await realpath(account ? await findHome(directory, account, onProgress) : directory);
  return {
    home,
    data: join(home, "postgres"),
    log: join(home, "postgres.log"),
    password: join(home, "postgres.password"),
    owner: join(home, "postgres.owner"),
    account,
  };
}

/** If this process is root: the owner of the data, or the system user `postgres`. */
async function serverAccount(data: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(data).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
  try {
    await id("-u").catch(() =>
      run("useradd", ["--system", "--user-group", "--shell", "/bin/false", "postgres"]),
    );
    return { uid: await id("-u"), gid: await id("-g") };
  } catch (error) {
    throw new StartupError(
      `Postgres refuses to run as root, and the user "postgres" could not be created (${firstErrorOf(error)}): ` +
        "create that user, or run this command as an ordinary user.",
    );
  }
}

/** Returns `directory` or, if `account` cannot access it, a directory below /var/lib to which `directory` links. */
async function findHome(directory: string, account: Account, onProgress: (sentence: string) => void) {
  const data = join(directory, "postgres");
  const linked = await readlink(data).catch(() => "");
  const isLinked = linked.startsWith(`${ROOT_HOME}/`);
  if (!isLinked && (await canReach(directory, account))) return directory;
  if (!isLinked && (await exists(data))) {
    throw new StartupError(
      `Postgres refuses to run as root, and the user that owns ${data} cannot access ${directory}: ` +
        "open the folders above it to that user (chmod o+x), or move the data to another directory.",
    );
  }
  const place = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  const home = isLinked ? dirname(linked) : join(ROOT_HOME, place);
  await mkdir(home, { recursive: true });
  for (const folder of [ROOT_HOME, home]) await chmod(folder, 0o755);
  if (!isLinked) {
    await symlink(join(home, "postgres"), data);
    onProgress(`The user "postgres" cannot access ${directory}, so the database is in ${home}.`);
  }
  return home;
}

export function canReach(path: string, account: Account): Promise<boolean> {
  return run("test", ["-x", path], account).then(
    () => true,
    () => false,
  );
}
