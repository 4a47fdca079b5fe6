import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "./end.ts";

/** Creates a project with the client's package, removed when the test file ends. @returns its directory */
export async function createProject(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "octavo-client-"));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  await cp("dist/client", join(directory, "node_modules", "octavo"), { recursive: true });
  await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  return directory;
}
