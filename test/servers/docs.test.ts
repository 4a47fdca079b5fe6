/** The reference at /docs: the same bytes on each runtime, from our own origin, under a policy that lets nothing else in. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";

const FILES = [
  ["/docs", "src/docs/index.html", "text/html; charset=utf-8"],
  ["/docs/start.js", "src/docs/start.js", "text/javascript; charset=utf-8"],
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

  test.each(FILES)("%s is %s", async (path, file, type) => {
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
  ])("has no /docs/%s", async (file) => {
    const { status, json } = await api("GET", `/docs/${file}`);
    expect([status, json.error]).toEqual([404, "not_found"]);
  });

  test("is under a policy of its own, and its files under that of all answers", async () => {
    const policyOf = async (path: string) =>
      (await api("GET", path)).headers.get("Content-Security-Policy")?.split("; ");
    const policy = await policyOf("/docs");
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'"]),
    );
    expect(policy?.join()).not.toMatch(/unsafe|\*|https?:/);
    expect(await policyOf("/docs/start.js")).toEqual(["default-src 'none'", "frame-ancestors 'none'"]);
  });

  test("asks for nothing beyond its own files and the document", async () => {
    const { text } = await api("GET", "/docs");
    const asked = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
    const own = FILES.slice(1).map(([path]) => path.slice(1));
    expect(asked.sort()).toEqual(["data:,", "openapi.json", ...own].sort());
    expect(text).not.toMatch(/<style|style=|<script>|\son\w+=/);
  });
});
