/** Who may open which page for staff: every page that is declared, without a session and with each role. */
import { beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { Sessions } from "../../src/http/auth/session.ts";
import type { PageRoute } from "../../src/http/page.ts";
import * as books from "../../src/staff/books-contract.ts";
import * as staff from "../../src/staff/contract.ts";
import * as movements from "../../src/staff/movements-contract.ts";
import * as stock from "../../src/staff/stock-contract.ts";
import * as tasks from "../../src/staff/tasks-contract.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET } from "../support/token.ts";

const SESSION_KEY = "a key of sessions of the tests, 32 bytes long";
const VARIABLES = { AUTH_SECRET: SECRET, SESSION_KEY };
const ID = "01890000-0000-7000-8000-000000000000";

const contracts: object[] = [staff, books, movements, stock, tasks];
const PAGES = contracts
  .flatMap((contract) => Object.values(contract))
  .filter((page): page is PageRoute => typeof page === "object" && "path" in page && "role" in page)
  .map(({ method = "GET", path, role }) => ({
    name: `${method} ${path}`,
    method,
    path: path.replaceAll(/:\w+/g, ID),
    role: role ?? "clerk",
    // The route adds the body of a file, because its limit is configured.
    type: path.endsWith("/file") ? "application/octet-stream" : "application/x-www-form-urlencoded",
  }));

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;
  let sessions: Sessions;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, VARIABLES));
    const { authentication } = await parseConfig({ DATABASE_URL: database.url, ...VARIABLES });
    sessions = new Sessions(new TextEncoder().encode(SESSION_KEY), authentication);
  });

  /** Sends what a browser would, without the token of a form. */
  const open = async ({ method, path, type }: (typeof PAGES)[number], roles?: readonly string[]) => {
    const principal = { subject: "ada", actor: "ada", roles, verified: true } as never;
    const cookie = roles && sessions.cookie(sessions.start(principal), new URL(url));
    const response = await fetch(url + path, {
      method,
      redirect: "manual",
      headers: {
        Accept: "text/html",
        ...(cookie && { Cookie: cookie.split(";")[0] ?? "" }),
        ...(method === "POST" && { "Content-Type": type }),
      },
      ...(method === "POST" && { body: "" }),
    });
    await response.text();
    return response;
  };

  test.each(PAGES)("without a session, $name leads to the sign-in", async (page) => {
    const { status, headers } = await open(page);
    if (page.method === "POST") expect(status).toBe(401);
    else expect([status, headers.get("Location")?.split("?")[0]]).toEqual([303, "/staff/sign-in"]);
    expect(headers.get("Cache-Control")).toBe("no-store");
  });

  test.each(PAGES)("$name is for its role, and its forms need their token", async (page) => {
    expect((await open(page, [])).status).toBe(403);
    const statuses: [string, boolean][] = [];
    for (const role of ["clerk", "editor", "admin"])
      statuses.push([role, (await open(page, [role])).status === 403]);
    const isRefused = (role: string) =>
      page.method === "POST" || (page.role === "editor" && role === "clerk");
    expect(statuses).toEqual(statuses.map(([role]) => [role, isRefused(role)]));
  });
});

test("all pages below /staff are here, but those of signing in", () => {
  const declared = contracts.flatMap((contract) => Object.values(contract)).filter((page) => page?.path);
  const open = declared.filter((page) => !page.role).map(({ method = "GET", path }) => `${method} ${path}`);
  expect(open.sort()).toEqual([
    "GET /staff/sign-in",
    "GET /staff/sign-in/callback",
    "GET /staff/sign-in/provider",
    "POST /staff/sign-in",
  ]);
});
