/** Headers, queries and pointers, compared with readers that are simple and slow. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { networkOf } from "../../src/http/address.ts";
import { namesIn, rolesOf } from "../../src/http/auth/roles.ts";
import { parsePreconditions } from "../../src/http/etag.ts";
import { acceptsGzip, preferredType } from "../../src/http/negotiation.ts";
import { Problem } from "../../src/http/problem.ts";
import { readQuery } from "../../src/http/query.ts";
import { anyText, holds, madeOf } from "../support/fuzz.ts";

const ifMatch = (text: string) => {
  try {
    return parsePreconditions(new Headers({ "If-Match": text })).ifMatch;
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
    return (error as Problem).code;
  }
};

/** Reads a list of entity tags a character at a time (RFC 9110, 8.8.3 and 5.6.1). */
function tagsIn(text: string): { weak: boolean; value: string }[] | undefined {
  const tags = [];
  let at = 0;
  const skip = () => {
    while (text[at] === " " || text[at] === "\t") at++;
  };
  for (;;) {
    skip();
    const weak = text.startsWith('W/"', at);
    if (weak) at += 2;
    if (text[at] === '"') {
      const end = text.indexOf('"', at + 1);
      const value = text.slice(at, end + 1);
      if (end < 0 || !/^[\x21-\x7e\x80-\uffff]+$/.test(value)) return undefined;
      tags.push({ weak, value });
      at = end + 1;
      skip();
    }
    if (at === text.length) return tags.length > 0 ? tags : undefined;
    if (text[at++] !== ",") return undefined;
  }
}

test("If-Match is read as a reader of single characters reads it", () => {
  const parts = ['"', "W/", "w/", "a", "é", ",", " ", "\t", "*", '"a"', 'W/"b"', '""'];
  const property = fc.property(madeOf(parts, 20), (given) => {
    // Headers trims white space.
    const text = given.trim();
    if (text === "" || text === "*") return;
    expect(ifMatch(text)).toEqual(tagsIn(text) ?? "invalid_header");
  });
  holds(property);
});

test("a list of tags of a megabyte is read in as many steps as it has tags", () => {
  for (const [part, count] of [
    ['"a",', 250_000],
    [" ,", 500_000],
    ['"a" ', 250_000],
    ["W/", 500_000],
  ] as const) {
    const found = ifMatch(part.repeat(count));
    if (Array.isArray(found)) expect(found).toHaveLength(count);
    else expect(found).toBe("invalid_header");
  }
});

const TYPES = ["text/csv", "application/x-ndjson", "text/html"];

/** The quality of a type by its most specific range (RFC 9110, 12.5.1). */
function qualityOf(type: string, ranges: [range: string, quality: number][]): number {
  const [main = ""] = type.split("/");
  for (const wanted of [type, `${main}/*`, "*/*"]) {
    const found = ranges.findLast(([range]) => range === wanted);
    if (found) return found[1];
  }
  return 0;
}

test("the preferred type is the one of the highest quality, by the most specific range", () => {
  const range = fc.constantFrom(...TYPES, "text/*", "application/*", "*/*", "image/png");
  const quality = fc.constantFrom(0, 0.001, 0.1, 0.5, 0.999, 1);
  const space = fc.constantFrom("", " ", "  ");
  const ranges = fc.array(fc.tuple(range, quality, space), { minLength: 1, maxLength: 5 });
  const property = fc.property(ranges, (given) => {
    const accept = given.map(([range, quality, space]) => `${range}${space};${space}q=${quality}`).join(",");
    const wanted = given.map(([range, quality]): [string, number] => [range, quality]);
    const best = Math.max(...TYPES.map((type) => qualityOf(type, wanted)));
    const expected = best > 0 ? TYPES.find((type) => qualityOf(type, wanted) === best) : undefined;
    expect(preferredType(accept, TYPES)).toBe(expected);
    expect(acceptsGzip(accept.replaceAll("text/csv", "gzip"))).toBe(
      qualityOf(
        "text/csv",
        wanted.filter(([range]) => range === "text/csv"),
      ) > 0,
    );
  });
  holds(property);
});

test("no Accept is an error", () => {
  const parts = ["text/csv", "*/*", ";", "q=", "0.5", "1.0000", ",", " ", "=", "é", "q", "\t"];
  const property = fc.property(fc.oneof(madeOf(parts, 20), anyText()), (accept) => {
    const found = preferredType(accept, TYPES);
    if (found !== undefined) expect(TYPES).toContain(found);
    expect(typeof acceptsGzip(accept)).toBe("boolean");
  });
  holds(property);
});

const names = fc.array(fc.oneof(anyText(8), madeOf(["~", "/", "0", "1", "~0", "~1", "a"], 5)), {
  maxLength: 4,
});
const pointerOf = (list: string[]) =>
  list.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

test("a JSON Pointer gives its names back, and leads where they lead", () => {
  const property = fc.property(names, fc.constantFrom("admin", "clerk"), (list, role) => {
    const pointer = pointerOf(list);
    expect(namesIn(pointer)).toEqual(list);
    if (list.length === 0) return;
    const claims = list.reduceRight<unknown>((value, name) => Object.fromEntries([[name, value]]), [role]);
    expect(rolesOf(claims, { rolesAt: pointer }).roles).toEqual([role]);
  });
  holds(property);
});

test("no claims and no pointer are an error, and no role comes from nowhere", () => {
  const pointer = fc.oneof(names.map(pointerOf), anyText());
  const property = fc.property(fc.jsonValue(), pointer, (claims, rolesAt) => {
    const { roles, lack } = rolesOf(claims, { rolesAt });
    expect(lack === undefined).toBe(roles.length > 0);
    for (const role of roles) expect(JSON.stringify(claims)).toContain(role);
  });
  holds(property);
});

test("a query has the parameters that the URL standard reads, and says which are not UTF-8", () => {
  const parts = ["a", "=", "&", "%", "%20", "%ff", "%c3%a9", "%C3", "+", "é", "b=1", "🙂", "%zz"];
  const property = fc.property(madeOf(parts, 16), (search) => {
    const url = new URL(`http://shop.example/?${search}`);
    const { parameters, malformed } = readQuery(url);
    const expected = new Map<string, string[]>();
    for (const [name, value] of url.searchParams) expected.set(name, [...(expected.get(name) ?? []), value]);
    expect(new Set(Object.keys(parameters))).toEqual(new Set(expected.keys()));
    for (const [name, values] of expected) expect([parameters[name]].flat()).toEqual(values);
    // What is no UTF-8 was decoded with U+FFFD, which no part has.
    for (const name of expected.keys()) {
      const isMalformed = [name, ...(expected.get(name) ?? [])].some((text) => text.includes("\ufffd"));
      expect(malformed.has(name)).toBe(isMalformed);
    }
  });
  holds(property);
});

test("an address belongs to its network in any of its forms, and other texts to none", () => {
  const property = fc.property(fc.ipV6(), fc.ipV4(), (six, four) => {
    expect(networkOf(four)).toBe(four);
    expect(networkOf(`::ffff:${four}`)).toBe(four);
    const network = networkOf(six);
    if (network?.endsWith("/64")) {
      // Node's parser writes the same address in its own way.
      const written = new URL(`http://[${six}]/`).hostname.slice(1, -1);
      expect(networkOf(written)).toBe(network);
      expect(networkOf(network.slice(0, -3))).toBe(network);
    }
  });
  holds(property);
  holds(
    fc.property(
      fc.oneof(anyText(), madeOf([":", "::", "ffff", "1.2.3.4", ".", "256", "%eth0", "g"], 9)),
      (text) => {
        const network = networkOf(text);
        if (network !== undefined) expect(network).toMatch(/^[\d.]+$|^[\da-f:]+\/64$/);
      },
    ),
  );
});
