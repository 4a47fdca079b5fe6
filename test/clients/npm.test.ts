/** The clients of the tools that need nothing but npm. `npm run check:clients` checks those of all others. */
import { beforeAll, expect, test } from "vitest";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";
import { SECRET } from "../support/token.ts";
import { checkTool, STEPS } from "./check.ts";
import { installNpmTools, NPM_TOOLS } from "./npm-tools.ts";

let url: string;
/** Why the tools cannot be installed, such as a registry that cannot be reached. */
let missing: string | undefined;

beforeAll(async () => {
  const database = await createTestDatabase();
  await loadSample(database.url);
  const [server] = await Promise.all([
    startServer("node", database, { AUTH_SECRET: SECRET }),
    installNpmTools().catch((error: Error) => {
      missing = error.message;
    }),
  ]);
  url = server.url;
}, 180_000);

test.for(NPM_TOOLS)(
  "a client of $name holds what a caller needs",
  { timeout: 60_000 },
  async (tool, { skip }) => {
    // A registry out of reach is no fault of the document.
    if (missing !== undefined) skip(missing);
    const { passed, failure } = await checkTool(tool, url);
    expect(failure).toBeUndefined();
    expect(passed).toEqual(STEPS);
  },
);
