/** If-Match and If-None-Match, as RFC 9110 writes and compares entity tags. */
import { expect, test } from "vitest";
import { etagOf, notModified, parsePreconditions, versionDemand } from "../../src/http/etag.ts";

const ID = "01999999-aaaa-7bbb-8ccc-dddddddddddd";
const RESOURCE = { id: ID, version: "2", format: 1, json: "{}" };
const TAG = etagOf(ID, "2", 1);
const HEADERS = ["If-Match", "If-None-Match"] as const;

test.each<[string, string, weak: boolean[]]>([
  ["one strong tag", '"a"', [false]],
  ["one weak tag", 'W/"a"', [true]],
  ["the empty tag", '""', [false]],
  ["a tag with a comma", '"a,b"', [false]],
  ["a list", '"a", W/"b",\t"c"', [false, true, false]],
  ["a list with empty elements", ', "a" ,,', [false]],
  ["characters beyond ASCII", '"é"', [false]],
])("%s is a list of entity tags", (_, text, weak) => {
  for (const name of HEADERS) {
    const { ifMatch, ifNoneMatch } = parsePreconditions(new Headers({ [name]: text }));
    expect(name === "If-Match" ? ifMatch : ifNoneMatch).toEqual(
      weak.map((weak) => ({ weak, value: expect.stringMatching(/^".*"$/) })),
    );
  }
});

test.each([
  ...["unquoted", '"open', 'open"', 'w/"lower"', 'W/ "apart"', '"white space"', '"a" "b"', '"a"; "b"'],
  ...['*, "a"', '"a", *', "**", ","],
])("%s is not a list of entity tags", (text) => {
  for (const name of HEADERS) {
    expect(() => parsePreconditions(new Headers({ [name]: text }))).toThrow(
      expect.objectContaining({ code: "invalid_header", message: expect.stringContaining(name) }),
    );
  }
});

test.each<[header: string, strongly: boolean, weakly: boolean]>([
  [TAG, true, true],
  [`W/${TAG}`, false, true],
  [`"x", ${TAG}`, true, true],
  ["*", true, true],
  [etagOf(ID, "1", 1), false, false],
  [etagOf(ID, "2", 2), true, false],
  [`"${ID}.2"`, true, false],
  [TAG.toUpperCase(), false, false],
])("%s matches version 2 strongly: %s, weakly: %s", (text, strongly, weakly) => {
  const ifMatch = parsePreconditions(new Headers({ "If-Match": text }));
  const ifNoneMatch = parsePreconditions(new Headers({ "If-None-Match": text }));
  if (strongly) expect(notModified(ifMatch, RESOURCE)).toBe(false);
  else
    expect(() => notModified(ifMatch, RESOURCE)).toThrow(
      expect.objectContaining({ code: "precondition_failed" }),
    );
  expect(notModified(ifNoneMatch, RESOURCE)).toBe(weakly);
});

test("a write compares the versions of its own resource alone, and those of strong tags in If-Match", () => {
  const other = etagOf(ID.replace("dddd", "eeee"), "5", 1);
  const list = `${TAG}, W/${etagOf(ID, "3", 1)}, ${other}, ${TAG.replace(".2", ".02")}`;
  const headers = new Headers({ "If-Match": list, "If-None-Match": list });
  const [theirs = ""] = other.match(/[^"]+(?=\.1")/) ?? [];
  expect(versionDemand(parsePreconditions(headers))).toEqual({
    exists: true,
    oneOf: [`${ID}.2`, theirs],
    noneOf: [`${ID}.2.1`, `${ID}.3.1`, `${theirs}.1`],
  });
});
