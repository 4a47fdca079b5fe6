/** `npm run bench -- --against COMMIT`: this tree and another commit, measured in alternation. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { StartupError } from "../src/startup-error.ts";
import type { Catalogue } from "./catalogue.ts";
import { otherMigrations, withCheckout } from "./checkout.ts";
import { AGAIN, OTHER } from "./comparison.ts";
import type { Measurement } from "./results.ts";
import { runRounds, type Setting } from "./runner.ts";
import { octavoServers, RUNTIMES, type Surroundings, TARGETS, type Target } from "./targets.ts";

/**
 * Measures this tree, the commit, and this tree once more, whose difference from the first is the noise.
 *
 * @throws StartupError if the commit cannot be measured
 */
export function runAgainst(
  commit: string,
  setting: Omit<Setting, "servers" | "catalogueOf">,
): Promise<Measurement[]> {
  return withCheckout(commit, async (root) => {
    const other = octavoServers(root, await requestsOf(commit, root), commit);
    await other["octavo-node"].build();
    const otherCatalogue = await catalogueFor(commit, root, setting.catalogue);
    const search = await searchIn(otherCatalogue);
    const databaseUrl = otherCatalogue.url;
    await requireReady(commit, other["octavo-node"], { ...setting.surroundings, databaseUrl });
    const servers: Record<string, Target> = {};
    for (const runtime of RUNTIMES) {
      const own = TARGETS[runtime] as Target;
      const label = own.label.replace("Octavo", "This tree");
      servers[runtime] = { ...own, label };
      servers[runtime + OTHER] = { ...other[runtime], search };
      servers[runtime + AGAIN] = { ...own, label: label.replace("tree", "tree again") };
    }
    const targets = setting.targets.flatMap((runtime) => [runtime, runtime + OTHER, runtime + AGAIN]);
    const catalogueOf = (target: string) => (target.endsWith(OTHER) ? otherCatalogue : setting.catalogue);
    return await runRounds({ ...setting, targets, servers, catalogueOf });
  });
}

/** A commit with the same migrations runs on the same database. */
async function catalogueFor(commit: string, root: string, catalogue: Catalogue): Promise<Catalogue> {
  const migrations = await otherMigrations(commit);
  return migrations === undefined ? catalogue : await catalogue.forVersion(migrations, root);
}

/** Up to version 0.1.0, a search found parts of titles and authors, and had no functions. */
async function searchIn({ client }: Catalogue): Promise<Target["search"]> {
  const { rows } = await client.query<{ is_former: boolean }>(
    "select to_regproc('octavo_plan_search') is null as is_former",
  );
  return rows[0]?.is_former ? "former" : "octavo";
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
      `${commit} is not ready on a database with its own migrations. GET /ready: ${await response.text()}`,
    );
  } finally {
    await server.stop();
  }
}
