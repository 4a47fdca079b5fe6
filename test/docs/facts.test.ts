/** What the documentation says about routes, errors, variables, files and commands, compared with the real ones. */
import { existsSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { WORKER_VARIABLES } from "../../src/config.ts";
import { createTestDatabase } from "../support/database.ts";
import { PAGES, tableOf, textOf } from "../support/markdown.ts";
import { launchServer } from "../support/servers.ts";
import { startWorker } from "../support/worker.ts";

interface Operation {
  security: Record<string, string[]>[];
  parameters: { name: string; in: string }[];
}

/** The parts of the OpenAPI document that the pages repeat. */
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: { Problem: { properties: { error: { enum: string[] } } } } };
}

let url: string;
let document: Document;

beforeAll(async () => {
  ({ url } = await startWorker(await createTestDatabase()));
  document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
});

/** Texts in backticks. */
const codeIn = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);

test("the README has at most 120 lines", () => {
  expect(textOf("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(120);
});

test("the README lists every route with its role", () => {
  const listed = tableOf("README.md", "request", "role").flatMap(([requests = "", role = ""]) =>
    codeIn(requests).map((request) => `${request} ${role}`.trim()),
  );
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security }]) =>
      `${method.toUpperCase()} ${path} ${security[0]?.token?.[0] ?? ""}`.trim(),
    ),
  );
  expect(listed.sort()).toEqual(routes.sort());
});

test("docs/api.md lists every parameter of a listing", () => {
  const parameters = document.paths["/api/v1/books"]?.get?.parameters.filter(
    ({ in: place }) => place === "query",
  );
  const listed = tableOf("docs/api.md", "parameter").flatMap(([cell = ""]) => codeIn(cell));
  expect(listed.sort()).toEqual(parameters?.map(({ name }) => name).sort());
});

test("docs/api.md lists every error with its status", async () => {
  const listed = tableOf("docs/api.md", "status", "`error`").map(
    ([status, error = ""]) => [error.replaceAll("`", ""), Number(status)] as const,
  );
  const codes = document.components.schemas.Problem.properties.error.enum;
  expect(listed.map(([error]) => error).sort()).toEqual(codes.sort());
  for (const [error, status] of listed) {
    const explained = await (await fetch(`${url}/problems/${error}`)).json();
    expect(explained).toMatchObject({ error, status });
  }
});

describe("docs/configuration.md", () => {
  const documented = ["All runtimes", "Node and Bun"].flatMap((heading) => {
    const [, section = ""] = textOf("docs/configuration.md").split(`## ${heading}\n`);
    return [...(section.split("\n## ")[0] ?? "").matchAll(/^\| `(\w+)` \|/gm)].map(([, name = ""]) => name);
  });

  test("docs/configuration.md lists every variable of the Worker", () => {
    // The variable that opens writes is for `npm run dev` alone.
    const variables = WORKER_VARIABLES.filter((name) => name !== "OPEN_LOCAL_WRITES");
    expect(variables.filter((name) => !documented.includes(name))).toEqual([]);
  });

  test("docs/configuration.md lists only variables that a server reads", async () => {
    const server = launchServer("node", Object.fromEntries(documented.map((name) => [name, "!"])));
    await expect(server.url).rejects.toThrow();
    // Every text is a valid issuer, audience or client.
    const free = ["AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_CLIENT_ID"];
    expect(
      documented.filter((name) => !free.includes(name) && !server.notices().includes(`${name} must`)),
    ).toEqual([]);
  });
});

test.each(PAGES)("%s names only files that exist", (page) => {
  const paths = codeIn(textOf(page)).filter((code) =>
    /^(src|test|dev|ops|bench|drizzle|docs)\/[^\s*]*$/.test(code),
  );
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});

test.each(PAGES)("%s names only npm scripts and test filters that exist", (page) => {
  const text = textOf(page);
  const scripts = [...text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name = ""]) => name);
  expect(scripts.filter((name) => !(name in manifest.scripts))).toEqual([]);
  const files = readdirSync("test", { recursive: true, encoding: "utf8" }).filter(
    (path) =>
      path.endsWith(".test.ts") &&
      !/^((browser|clients|deployment|dev)\/|docs\/(client|feed|shell)\.)/.test(path),
  );
  const filters = [...text.matchAll(/npm test -- ([^`]+)/g)].flatMap(([, names = ""]) =>
    names.trim().split(" "),
  );
  expect(filters.filter((filter) => !files.some((path) => path.includes(filter)))).toEqual([]);
});

describe("decision records", () => {
  const records = PAGES.filter((page) => /^docs\/decisions\/\d/.test(page));

  test("all decision records are in their index, with title and date", () => {
    const entries = records.map((page, at) => {
      const [, number, title, date] = textOf(page).match(/^# (\d+)\. (.*)\n\n(\d{4}-\d\d-\d\d)\n/) ?? [];
      expect(Number(number), page).toBe(at + 1);
      const file = page.slice("docs/decisions/".length);
      return [file.slice(0, 4), `[${title}](${file})`, date];
    });
    expect(tableOf("docs/decisions/README.md", "number", "decision", "date")).toEqual(entries);
  });

  test.each(records)("%s says context, decision, cost and evidence", (page) => {
    const headings = [...textOf(page).matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(["Context", "Decision", "Cost", "Evidence"]);
  });
});
