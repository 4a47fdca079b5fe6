import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/setup.ts",
    // Two cores serve the tests, workerd and Postgres together.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // workerd runs without asking the network for anything.
    env: { CLOUDFLARE_CF_FETCH_ENABLED: "false" },
  },
});
