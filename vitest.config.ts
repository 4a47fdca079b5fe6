import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const UNIT = "test/unit/**/*.test.ts";
const BROWSER = "test/browser/**/*.test.ts";
/** Of the documentation, these run its examples. */
const TOOLS = ["test/{clients,deployment,dev}/**/*.test.ts", "test/docs/{client,feed,shell}.test.ts"];

/** Files that take long for their size, because they start other programs. */
const SLOW =
  /\/(clients|docs|observe)\/|\/(adding-.*|backup|bench|deploy.*|doctor-worker|histories|rollout|setup)\.test\.ts$/;

/** Starts slow files first. Without durations of an earlier run, vitest starts large files first, and ends with a slow one. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (SLOW.test(moduleId) ? 0 : 1);
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    // Two more than cores: the tests wait for a third of their time, and leave cores idle if there are only two.
    maxWorkers: 4,
    sequence: { sequencer: SlowFirst },
    projects: [
      { test: { name: "unit", include: [UNIT], isolate: false, testTimeout: 30_000 } },
      system("service", ["test/**/*.test.ts"], [UNIT, BROWSER, ...TOOLS]),
      system("browser", [BROWSER]),
      system("tools", TOOLS),
    ],
  },
});

/** Tests of the built app on a Postgres of their own, which projects do not share. */
function system(name: string, include: string[], exclude: string[] = []): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include,
      exclude,
      globalSetup: "test/support/setup.ts",
      setupFiles: "test/support/each-file.ts",
      // Loading wrangler and Miniflare anew for each file takes a fifth of the tests' CPU.
      isolate: false,
      testTimeout: 30_000,
      hookTimeout: 60_000,
      // Conditions that a busy machine meets late.
      expect: { poll: { timeout: 20_000 } },
      // Keeps workerd from requesting its `cf` object from the network.
      env: { CLOUDFLARE_CF_FETCH_ENABLED: "false" },
    },
  };
}
