/** What a client accepts, by RFC 9110, 12.5. */
import { expect, test } from "vitest";
import { acceptsGzip, preferredType } from "../../src/http/negotiation.ts";

const TYPES = ["text/csv; charset=utf-8", "application/x-ndjson"];
const [CSV, NDJSON] = TYPES;

test.each([
  [null, CSV],
  ["", CSV],
  [" ", CSV],
  ["*/*", CSV],
  ["text/*", CSV],
  ["application/*", NDJSON],
  ["application/x-ndjson", NDJSON],
  ["TEXT/CSV", CSV],
  ["text/csv;charset=utf-8", CSV],
  ["text/csv, application/x-ndjson", CSV],
  ["application/x-ndjson, text/csv", CSV],
  ["text/csv;q=0.5, application/x-ndjson;q=0.6", NDJSON],
  ["text/csv; q=0, */*", NDJSON],
  ["text/csv;q=x", CSV],
  ["text/html, */*;q=0.1", CSV],
  ["text/html", undefined],
  ["*/*;q=0", undefined],
  [",", undefined],
])("Accept: %s prefers %s", (accept, type) => {
  expect(preferredType(accept, TYPES)).toBe(type);
});

test.each([
  ["gzip", true],
  ["GZIP;q=0.5, br", true],
  ["*", true],
  ["br, deflate", false],
  ["gzip;q=0", false],
  ["*;q=0", false],
  ["identity, *;q=0.5", true],
  ["gzip;q=0.000", false],
  ["", false],
  [null, false],
])("Accept-Encoding: %s accepts gzip: %s", (header, accepted) => {
  expect(acceptsGzip(header)).toBe(accepted);
});
