/** The OpenAPI document as JSON and as YAML, its entity tags, and the catalogue of APIs that leads to it. */
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { documentAt, requestWithoutDatabase } from "../support/document.ts";

const ORIGIN = "https://books.example";
const get = (path: string, headers: Record<string, string> = {}, origin = ORIGIN) =>
  requestWithoutDatabase(origin + path, { headers });

test("the YAML is the document, and can be read", async () => {
  const response = await get("/openapi.yaml");
  expect(response.headers.get("Content-Type")).toBe("application/yaml");
  const text = await response.text();
  expect(load(text)).toEqual(await documentAt(ORIGIN));
  expect(text).toMatch(/^openapi: "3\.1\.0"\ninfo:\n {2}title: Octavo\n/);
  expect(text).not.toMatch(/[&*]ref_/);
  const long = text.split("\n").filter((line) => line.length > 160);
  // A pattern or a URL cannot be folded.
  expect(long.filter((line) => line.trim().split(" ").length > 4)).toEqual([]);
});

describe.each(["/openapi.json", "/openapi.yaml"])("%s", (path) => {
  test("has a strong entity tag that belongs to its bytes", async () => {
    const tagOf = async (origin: string) => (await get(path, {}, origin)).headers.get("ETag");
    expect(await tagOf(ORIGIN)).toMatch(/^"[0-9a-f]{32}"$/);
    expect(await tagOf(ORIGIN)).toBe(await tagOf(ORIGIN));
    expect(await tagOf("https://other.example")).not.toBe(await tagOf(ORIGIN));
  });

  test("is 304 for who has it, and 412 for who wants another", async () => {
    const etag = (await get(path)).headers.get("ETag") ?? "";
    const statusOf = async (headers: Record<string, string>) => (await get(path, headers)).status;
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"])
      expect([tag, await statusOf({ "If-None-Match": tag })]).toEqual([tag, 304]);
    expect(await statusOf({ "If-None-Match": '"x"' })).toBe(200);
    expect(await statusOf({ "If-Match": etag })).toBe(200);
    expect(await statusOf({ "If-Match": '"x"' })).toBe(412);
    const unchanged = await get(path, { "If-None-Match": etag });
    expect([await unchanged.text(), unchanged.headers.get("ETag")]).toEqual(["", etag]);
    expect(unchanged.headers.get("Cache-Control")).toBe("public, max-age=300");
  });
});

test("the catalogue leads to what describes the API", async () => {
  const response = await get("/.well-known/api-catalog");
  expect(response.headers.get("Content-Type")).toBe("application/linkset+json");
  expect(response.headers.get("Link")).toBe(`<${ORIGIN}/api/v1>; rel="item"`);
  const { linkset } = (await response.json()) as {
    linkset: Record<string, { href: string; type: string }[]>[];
  };
  expect(linkset[0]).toMatchObject({
    anchor: `${ORIGIN}/.well-known/api-catalog`,
    item: [{ href: `${ORIGIN}/api/v1` }],
  });
  expect(linkset[1]?.anchor).toBe(`${ORIGIN}/api/v1`);
  const descriptions = [...(linkset[1]?.["service-desc"] ?? [])];
  expect(descriptions.length).toBe(2);
  for (const { href, type } of descriptions) {
    const { status, headers } = await requestWithoutDatabase(href);
    expect([href, status, headers.get("Content-Type")]).toEqual([href, 200, type]);
  }
});

test("HEAD of the catalogue has its link", async () => {
  const response = await requestWithoutDatabase(`${ORIGIN}/.well-known/api-catalog`, { method: "HEAD" });
  expect(response.headers.get("Link")).toBe(`<${ORIGIN}/api/v1>; rel="item"`);
  expect(await response.text()).toBe("");
});
