/** The steps of the walk-throughs, on copies of the tree. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { environmentOf } from "./command.ts";
import { atEnd } from "./end.ts";
import { type Block, blocksOf } from "./markdown.ts";

const run = promisify(execFile);

/** Copies the files that git tracks or would add. @returns the folder of the copy */
export async function copyTree(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "octavo-tree-"));
  atEnd(() => rm(folder, { recursive: true }));
  const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  const files = stdout.split("\0").filter((file) => file !== "" && existsSync(file));
  for (const file of files) await cp(file, join(folder, file));
  await symlink(resolve("node_modules"), join(folder, "node_modules"));
  return folder;
}

/**
 * Carries out one block in a tree: applies a diff, adds a file, or runs shell commands.
 *
 * @param url the database of the commands
 */
export async function carryOut(
  { place, language, file, text }: Block,
  tree: string,
  url: string,
): Promise<void> {
  const numbers = (await readdir(join(tree, "drizzle"))).flatMap((name) => name.match(/^\d{4}/) ?? []);
  const content = text.replaceAll("NNNN", `${numbers.sort().at(-1)}`);
  if (file) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    return writeFile(join(tree, file), content);
  }
  const { HOME } = process.env;
  const env = environmentOf({ HOME, DATABASE_URL: url, CLOUDFLARE_CF_FETCH_ENABLED: "false" });
  if (language === "diff") await writeFile(join(tree, "step.diff"), content);
  const script = language === "diff" ? "git apply step.diff && rm step.diff" : `set -e\n${content}`;
  await run("sh", ["-c", script], { cwd: tree, env }).catch(({ stdout, stderr }) => {
    throw new Error(`The block at ${place} fails. Bring the page up to date.\n${stderr}${stdout}`);
  });
}

/**
 * Makes the version that follows this one: the walk-through that adds `subtitle` to a book, migration included.
 *
 * @returns the folder of its tree, which is built
 */
export async function buildNextVersion(): Promise<string> {
  const tree = await copyTree();
  for (const step of blocksOf("docs/adding-a-member.md")) {
    const isChange = step.language === "diff" || /db:generate|newest\(\)/.test(step.text);
    if (isChange && step.language !== "json") await carryOut(step, tree, "");
  }
  await run(process.execPath, ["dev/build.js"], { cwd: tree });
  return tree;
}
