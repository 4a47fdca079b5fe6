import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { atEnd } from "./end.ts";

/** A folder with the code and what was built of it, and with a wrangler.toml of its own. */
export async function checkoutWith(change: (toml: string) => string = (toml) => toml): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "octavo-checkout-"));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["dist", "drizzle", "node_modules", "package.json", "src", "tsconfig.json"]) {
    await symlink(resolve(name), join(folder, name));
  }
  await writeFile(join(folder, "wrangler.toml"), change(await readFile("wrangler.toml", "utf8")));
  return folder;
}
