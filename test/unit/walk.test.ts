/** The walks of the tests through listings end, even where the listing does not. */
import { expect, test } from "vitest";
import { pagesOf, rowsOf } from "../support/walk.ts";

test("a walk collects all pages and all rows", async () => {
  expect(await pagesOf(1, (page) => (page < 3 ? Promise.resolve(page + 1) : null))).toEqual([1, 2, 3]);
  expect(
    await rowsOf(
      (async function* () {
        yield* ["a", "b"];
      })(),
    ),
  ).toEqual(["a", "b"]);
});

test("a walk through a listing without an end fails, and shows the last page or row", async () => {
  const forever = (async function* () {
    for (;;) yield "row";
  })();
  await expect(pagesOf("page", async (page) => page)).rejects.toThrow(/does not end.*"page"/);
  await expect(rowsOf(forever)).rejects.toThrow(/does not end.*"row"/);
});
