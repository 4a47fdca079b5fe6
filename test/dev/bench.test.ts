/** `npm run bench -- --against`, from its arguments to its report. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { isInstalled } from "../../bench/load.ts";
import { inDirectory, prepareDev } from "../support/dev.ts";

prepareDev();

const run = promisify(execFile);

const bench = (...args: string[]) =>
  run(process.execPath, ["bench/main.ts", ...args], {
    env: { ...process.env, DATA_DIR: inDirectory("data") },
  });

test.skipIf(!(await isInstalled("wrk")))(
  "a comparison with a commit reports ratios and leaves no worktree behind (needs wrk)",
  async () => {
    const { stdout: before } = await run("git", ["worktree", "list"]);
    const short = ["--quick", "--books", "2000", "--connections", "4"];
    const { stdout } = await bench(
      "--against",
      "HEAD",
      ...short,
      "--targets",
      "octavo-node",
      "--workloads",
      "page",
    );
    expect(stdout).toMatch(/Octavo on Node: this tree to [0-9a-f]+( +[\d.]+ × \([\d.]+–[\d.]+\)){4}\n/);
    expect(stdout).toMatch(/Octavo on Node: this tree to itself( +[\d.]+ × \([\d.]+–[\d.]+\)){4}\n/);
    expect((await run("git", ["worktree", "list"])).stdout).toBe(before);
  },
);

test("npm run bench explains in a sentence that a commit does not exist", async () => {
  await expect(bench("--against", "no-such-commit")).rejects.toMatchObject({
    code: 1,
    stderr: "--against no-such-commit: this repository has no such commit.\n",
  });
});
