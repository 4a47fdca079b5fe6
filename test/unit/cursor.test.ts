/** Cursors seal a position together with the scope of their listing. */
import { expect, test } from "vitest";
import type { ListingPosition } from "../../src/db/keyset.ts";
import { CursorSeal } from "../../src/http/cursor.ts";

const secret = (letter: string) => new TextEncoder().encode(letter.repeat(32));
const seal = new CursorSeal(secret("k"));
const SCOPE = '["/api/v1/books","title"]';
const PLACE: ListingPosition = {
  direction: "forward",
  side: "after",
  key: "Émile, ou De l’éducation",
  id: "01999999-aaaa-7bbb-8ccc-dddddddddddd",
};
const cursor = seal.seal(SCOPE, PLACE);
const refusal = expect.objectContaining({ code: "invalid_cursor" });

test.each<ListingPosition>([
  PLACE,
  { ...PLACE, direction: "backward", side: "before" },
  { ...PLACE, key: "" },
  { ...PLACE, key: "2026-03-28T12:00:00.123456Z" },
])("a cursor holds the position %j exactly", (position) => {
  expect(seal.open(SCOPE, seal.seal(SCOPE, position))).toEqual(position);
});

test("two instances with one secret make the same cursor", () => {
  expect(new CursorSeal(secret("k")).seal(SCOPE, PLACE)).toBe(cursor);
});

test("a cursor with any character changed is invalid", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const [at, character] of [...cursor].entries()) {
    const place = alphabet.indexOf(character);
    // The first neighbour differs in the last bit alone, which is unused in the last character of base64url.
    for (const other of [alphabet[place ^ 1], alphabet[(place + 7) % 64]]) {
      const changed = cursor.slice(0, at) + other + cursor.slice(at + 1);
      expect(() => seal.open(SCOPE, changed), changed).toThrow(refusal);
    }
  }
});

test.each(["", "A", "x", "%", "é", `${cursor}A`, `${cursor}=`, `${cursor} `, cursor.slice(0, -1)])(
  "%j is not a cursor",
  (text) => expect(() => seal.open(SCOPE, text)).toThrow(refusal),
);

test.each(["", `${SCOPE} `, SCOPE.replace("title", "-title"), `${SCOPE}\0`])(
  "a cursor is invalid in the scope %j, for which it was not made",
  (scope) => expect(() => seal.open(scope, cursor)).toThrow(refusal),
);

test("a cursor is invalid after a change of the secret", () => {
  expect(() => new CursorSeal(secret("l")).open(SCOPE, cursor)).toThrow(refusal);
});
