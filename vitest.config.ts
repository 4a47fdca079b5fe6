import { defineConfig } from "vitest/config";

const UNIT = "test/unit/**/*.test.ts";

export default defineConfig({
  test: {
    // The two cores also run workerd and Postgres.
    maxWorkers: 2,
    projects: [
      { test: { name: "unit", include: [UNIT], isolate: false } },
      {
        test: {
          name: "system",
          include: ["test/**/*.test.ts"],
          exclude: [UNIT],
          globalSetup: "test/support/setup.ts",
          setupFiles: "test/support/each-file.ts",
          // Loading wrangler and Miniflare anew for each file takes a fifth of the tests' CPU.
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Keeps workerd from requesting its `cf` object from the network.
          env: { CLOUDFLARE_CF_FETCH_ENABLED: "false" },
        },
      },
    ],
  },
});
