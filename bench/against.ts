/** `npm run bench -- --against COMMIT`: this tree and another commit, measured in alternation. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { StartupError } from "../src/startup-error.ts";
import { withCheckout } from "./checkout.ts";
import { AGAIN, OTHER } from "./comparison.ts";
import type { Measurement } from "./results.ts";
import { runRounds, type Setting } from "./runner.ts";
import { octavoServers, RUNTIMES, type Surroundings, TARGETS, type Target } from "./targets.ts";

/**
 * Measures this tree, the commit, and this tree once more, whose difference from the first is the noise.
 *
 * @throws StartupError if the commit cannot be measured
 */
export function runAgainst(commit: string, setting: Omit<Setting, "servers">): Promise<Measurement[]> {
  return withCheckout(commit, async (root) => {
    const other = octavoServers(root, await requestsOf(commit, root), commit);
    await other["octavo-node"].build();
    await requireReady(commit, other["octavo-node"], setting.surroundings);
    const servers: Record<string, Target> = {};
    for (const runtime of RUNTIMES) {
      const own = TARGETS[runtime] as Target;
      const label = own.label.replace("Octavo", "This tree");
      servers[runtime] = { ...own, label };
      servers[runtime + OTHER] = other[runtime];
      servers[runtime + AGAIN] = { ...own, label: label.replace("tree", "tree again") };
    }
    const targets = setting.targets.flatMap((runtime) => [runtime, runtime + OTHER, runtime + AGAIN]);
    return await runRounds({ ...setting, targets, servers });
  });
}

async function requestsOf(commit: string, root: string): Promise<typeof import("./requests.ts")> {
  const file = join(root, "bench/requests.ts");
  if (!existsSync(file))
    throw new StartupError(`${commit} has no bench/requests.ts, which makes its requests.`);
  return import(pathToFileURL(file).href);
}

async function requireReady(commit: string, target: Target, surroundings: Surroundings): Promise<void> {
  const server = await target.start(`ready-${commit}`, surroundings);
  try {
    const response = await fetch(`${server.origin}/ready`);
    if (response.ok) return;
    throw new StartupError(
      `${commit} cannot run on the database that this tree has migrated. Run the comparison from the newer of the two. ` +
        `GET /ready: ${await response.text()}`,
    );
  } finally {
    await server.stop();
  }
}
