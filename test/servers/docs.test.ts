/** The reference at /docs on each runtime: the same bytes, from this origin alone, as its policy demands. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET } from "../support/token.ts";

const FILES = [
  ["/docs", "src/docs/index.html", "text/html; charset=utf-8"],
  ["/docs/page.css", "src/docs/page.css", "text/css; charset=utf-8"],
  ["/docs/start.js", "src/docs/start.js", "text/javascript; charset=utf-8"],
  ["/docs/token-dialog.js", "src/docs/token-dialog.js", "text/javascript; charset=utf-8"],
  [
    "/docs/swagger-ui-bundle.js",
    "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
    "text/javascript; charset=utf-8",
  ],
  ["/docs/swagger-ui.css", "node_modules/swagger-ui-dist/swagger-ui.css", "text/css; charset=utf-8"],
] as const;

describe.each(RUNTIMES)("on %s", (runtime) => {
  let api: Client;

  beforeAll(async () => {
    api = await createClient((await startServer(runtime, await createTestDatabase())).url);
  });

  test.each(FILES)("GET %s returns the file %s", async (path, file, type) => {
    const { status, headers, text } = await api("GET", path);
    expect([status, headers.get("Content-Type")]).toEqual([200, type]);
    expect(text).toBe(await readFile(file, "utf8"));
    const head = await api("HEAD", path);
    expect([head.status, head.headers.get("Content-Type"), head.text]).toEqual([200, type, ""]);
  });

  test.each([
    "index.html",
    "LICENSE",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui-bundle.js.map",
    "..%2fnode.js",
    "%2e%2e%2fnode.js",
    "constructor",
    "start.js%00",
  ])("GET /docs/%s returns 404", async (file) => {
    const { status, json } = await api("GET", `/docs/${file}`);
    expect([status, json.error]).toEqual([404, "not_found"]);
  });

  test("the reference has a policy of its own, and its files have that of all responses", async () => {
    const policyOf = async (path: string) =>
      (await api("GET", path)).headers.get("Content-Security-Policy")?.split("; ");
    const policy = await policyOf("/docs");
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'"]),
    );
    expect(policy?.join()).not.toMatch(/unsafe|\*|https?:/);
    expect(await policyOf("/docs/start.js")).toEqual(["default-src 'none'", "frame-ancestors 'none'"]);
  });

  test("the reference loads only its own files and the document", async () => {
    const { text } = await api("GET", "/docs");
    const start = await api("GET", "/docs/start.js");
    const linked = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
    const imported = [...start.text.matchAll(/from "\.\/([^"]+)"/g)].map(([, file]) => `docs/${file}`);
    const own = FILES.slice(1).map(([path]) => path.slice(1));
    expect([...linked, ...imported].sort()).toEqual(["data:,", "openapi.json", ...own].sort());
    expect(text).not.toMatch(/<style|style=|<script>|\son\w+=/);
  });
});

test.each([
  ["open", "workerd", { OPEN_LOCAL_WRITES: "true" }],
  ["hs256", "node", { AUTH_SECRET: SECRET }],
] as const)("the reference knows that authentication is of the kind %s", async (mode, runtime, variables) => {
  const { url } = await startServer(runtime, await createTestDatabase(), variables);
  const { text } = await (await createClient(url))("GET", "/docs");
  expect(text).toContain(`<meta name="authentication" content="${mode}">`);
});
