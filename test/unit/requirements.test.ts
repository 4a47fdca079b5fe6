/** What Octavo requires of a database. */
import { expect, test } from "vitest";
import { unmetRequirements } from "../../src/db/requirements.ts";

test("each requirement that a database does not meet is a sentence", () => {
  const good = {
    version: "18.4",
    version_num: 180_004,
    encoding: "UTF8",
    has_icu: true,
    has_trgm: true,
    has_fuzzystrmatch: true,
  };
  expect(unmetRequirements(good)).toEqual([]);
  expect(unmetRequirements({ ...good, version: "17.0", version_num: 170_000 })).toEqual([]);
  const faults = unmetRequirements({
    version: "15.18 (Debian)",
    version_num: 150_018,
    encoding: "LATIN1",
    has_icu: false,
    has_trgm: false,
    has_fuzzystrmatch: false,
  });
  expect(faults).toEqual([
    "Octavo needs PostgreSQL 17 or later, but the server runs 15.18 (Debian).",
    expect.stringContaining("LATIN1"),
    expect.stringContaining("ICU"),
    expect.stringContaining("pg_trgm"),
    expect.stringContaining("fuzzystrmatch"),
  ]);
});
