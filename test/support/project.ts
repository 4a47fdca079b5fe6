import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { atEnd } from "./end.ts";

/**
 * Creates a project with the client's package, removed when the test file ends.
 *
 * @param dependencies other packages, which are installed here
 * @returns its directory
 */
export async function createProject(...dependencies: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "octavo-client-"));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  await cp("dist/client", join(directory, "node_modules", "octavo"), { recursive: true });
  for (const name of dependencies) {
    const link = join(directory, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve("node_modules", name), link);
  }
  await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  return directory;
}
