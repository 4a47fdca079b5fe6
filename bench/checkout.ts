/** Another commit of this repository, checked out to be measured. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { StartupError } from "../src/startup-error.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const git = async (...args: string[]) =>
  (await promisify(execFile)("git", args, { cwd: ROOT })).stdout.trim();

/**
 * @param ref a branch, a tag, a hash, or anything else that Git resolves
 * @returns the abbreviated hash of its commit
 * @throws StartupError
 */
export async function resolveCommit(ref: string): Promise<string> {
  try {
    return await git("rev-parse", "--verify", "--quiet", "--short", "--end-of-options", `${ref}^{commit}`);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new StartupError(
      isMissing ? "--against needs git." : `--against ${ref}: this repository has no such commit.`,
    );
  }
}

/** @returns an identifier of the commit's migrations, or undefined if this tree has the same */
export async function otherMigrations(commit: string): Promise<string | undefined> {
  const changed = await git("diff", "--name-only", commit, "--", "drizzle");
  return changed ? git("rev-parse", "--short", `${commit}:drizzle`) : undefined;
}

/**
 * Checks a commit out into a temporary worktree, and removes it when the work is done. The worktree shares the dependencies
 * of this tree, or installs its own if its lock file differs.
 */
export async function withCheckout<T>(commit: string, work: (root: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "octavo-against-"));
  const root = join(directory, commit);
  try {
    await git("worktree", "add", "--quiet", "--detach", root, commit);
    if (await git("diff", "--name-only", commit, "--", "package-lock.json")) {
      console.log(`Installing the dependencies of ${commit}, because its package-lock.json differs.`);
      await promisify(execFile)("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root });
    } else {
      await symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
    }
    return await work(root);
  } finally {
    await git("worktree", "remove", "--force", root).catch(() => {});
    await rm(directory, { recursive: true, force: true });
  }
}
