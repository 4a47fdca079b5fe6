/** `npm run token`: what the token holds, what the command says of it, and which arguments it refuses. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { createClient } from "../support/client.ts";
import { environmentOf } from "../support/command.ts";
import { createTestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { SECRET } from "../support/token.ts";
import { startWorker } from "../support/worker.ts";

const AUTH = { AUTH_SECRET: SECRET, AUTH_ISSUER: "https://id.example", AUTH_AUDIENCE: "octavo" };
const MAPPED = { ...AUTH, AUTH_ROLES: "/realm_access/roles", AUTH_ROLE_MAP: "shop-staff=clerk bosses=admin" };

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function run(variables: Record<string, string>, ...args: string[]): Promise<Outcome> {
  const ran = promisify(execFile)(process.execPath, ["dist/token.js", ...args], {
    env: environmentOf(variables),
  });
  return ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Outcome) => ({ code, stdout, stderr }),
  );
}

describe("the token", () => {
  let url: string;
  let mapped: string;

  beforeAll(async () => {
    const database = await createTestDatabase();
    const servers = [AUTH, MAPPED].map((variables) => startWorker(database, variables));
    [url = "", mapped = ""] = (await Promise.all(servers)).map((server) => server.url);
  });

  const statuses = async (origin: string, token: string) => {
    const api = await createClient(origin);
    const headers = { Authorization: `Bearer ${token.trim()}` };
    const tasks = await api("GET", "/api/v1/tasks", { headers });
    const books = await api("POST", "/api/v1/books", { body: newBook(), headers });
    return [tasks.status, books.status];
  };

  test.each([
    ["editor", [200, 201], "As editor it may add, update and delete books, and do what a clerk may do."],
    [
      "clerk",
      [200, 403],
      "As clerk it may change stock, read stock movements, export the catalogue and manage tasks.",
    ],
    ["admin", [200, 201], "As admin it may do everything."],
  ])(
    "a token for the role %s has its rights, and the command says which",
    async (role, allowed, sentence) => {
      const { code, stdout, stderr } = await run(AUTH, "--role", role);
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      expect(stderr).toMatch(/^This token is signed with AUTH_SECRET, and expires at \S+Z\.\n/);
      expect(stderr).toContain(sentence);
      expect(await statuses(url, stdout)).toEqual(allowed);
    },
  );

  test("a role is put where AUTH_ROLES and AUTH_ROLE_MAP look for it", async () => {
    const { stdout, stderr } = await run(MAPPED, "--role", "clerk");
    expect(decodeJwt(stdout)).toMatchObject({ realm_access: { roles: ["shop-staff"] } });
    expect(stderr).toContain("As clerk it may");
    expect(await statuses(mapped, stdout)).toEqual([200, 403]);
    expect(await statuses(url, stdout)).toEqual([403, 403]);
  });

  test("a role that no value means is told", async () => {
    const { code, stderr } = await run(MAPPED, "--role", "editor");
    expect([code, stderr]).toEqual([1, "AUTH_ROLE_MAP has no value for the role editor.\n"]);
  });
});

test("claims are JSON or text, and replace others", async () => {
  const claims = ['groups=["a b"]', "level=5", "employee=007", "scope=a=b c", "sub=ada", "exp=1", "empty="];
  const { stdout, stderr } = await run(AUTH, ...claims.flatMap((claim) => ["--claim", claim]));
  expect(decodeJwt(stdout)).toEqual({
    iss: AUTH.AUTH_ISSUER,
    aud: AUTH.AUTH_AUDIENCE,
    iat: expect.any(Number),
    groups: ["a b"],
    level: 5,
    employee: "007",
    scope: "a=b c",
    sub: "ada",
    exp: 1,
    empty: "",
  });
  expect(stderr).toContain(
    "It has no role, and may only do what is public. The token has no claim at /roles.",
  );
  expect(stderr).toContain("expires at 1970-01-01T00:00:01.000Z");
});

test.each([
  ["30s", 30],
  ["10m", 600],
  ["12h", 43_200],
  ["365d", 31_536_000],
])("--expires %s is %d seconds", async (expires, seconds) => {
  const { stdout } = await run(AUTH, "--role", "clerk", "--expires", expires);
  const { exp = 0, iat = 0 } = decodeJwt(stdout);
  expect(exp - iat).toBe(seconds);
});

test("without AUTH_SECRET the secret of the checkout signs, and the command names its file", async () => {
  const DATA_DIR = await mkdtemp(join(tmpdir(), "octavo-token-"));
  atEnd(() => rm(DATA_DIR, { recursive: true }));
  const { code, stderr } = await run({ DATA_DIR }, "--role", "clerk");
  expect([code, stderr]).toEqual([0, expect.stringMatching(/the secret of this checkout, \S+auth-secret,/)]);
});

test("without AUTH_SECRET, and without a folder for the secret, a sentence says what is missing", async () => {
  const { code, stderr } = await run({ DATA_DIR: "/dev/null/data" }, "--role", "clerk");
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^The folder \S+ .+: set AUTH_SECRET\.\n$/)]);
});

test("AUTH_AUDIENCE=any leaves the audience out", async () => {
  const { stdout } = await run({ ...AUTH, AUTH_AUDIENCE: "any" }, "--role", "clerk");
  expect(decodeJwt(stdout)).not.toHaveProperty("aud");
});

test.each([
  [[]],
  [["--role", "owner"]],
  [["--role", "toString"]],
  [["--role", "editor", "--expires", "Infinity"]],
  [["--role", "editor", "--expires", "0m"]],
  [["--role", "editor", "--expires", "366d"]],
  [["--role", "editor", "--expires", "10"]],
  [["--role", "editor", "--subject", ""]],
  [["--role", "editor", "--claim", "groups"]],
  [["--role", "editor", "--claim", "=x"]],
  [["--role", "editor", "--colour"]],
])("npm run token explains the arguments %j in a sentence", async (args) => {
  const { code, stdout, stderr } = await run(AUTH, ...args);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^\S.*Usage: .+\n$/);
});

test.each<[string, Record<string, string>, RegExp]>([
  [
    "an identity provider",
    { AUTH_ISSUER: "https://id.example" },
    /^AUTH_ISSUER names an identity provider, .+\n$/,
  ],
  ["a pointer that is none", { ...AUTH, AUTH_ROLES: "hidden" }, /^The .+ AUTH_ROLES must be a JSON Pointer/],
  ["a map to an unknown role", { ...AUTH, AUTH_ROLE_MAP: "hidden=owner" }, /^The .+ AUTH_ROLE_MAP must be/],
])("npm run token refuses %s", async (_, variables, sentence) => {
  const { code, stdout, stderr } = await run(variables, "--role", "clerk");
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toContain("hidden");
});
