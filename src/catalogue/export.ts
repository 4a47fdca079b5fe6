/** The export of a catalogue: page after page of books, written as parts of a file. */

import { memberOf } from "../books/listing.ts";
import { listInOrder } from "../books/store.ts";
import { type Lines, type ListingPosition, rowsIn } from "../db/keyset.ts";
import type { Database } from "../db/ports.ts";
import type { Selection } from "./contract.ts";
import type { FileWriter } from "./export-format.ts";

/** How many books a round trip reads, less one. The longest descriptions make 30 MB of them. */
const PAGE_ROWS = 1000;

/** A part of a file. */
export interface Part {
  bytes: Uint8Array<ArrayBuffer>;
  books: number;
}

/**
 * Exports all books of a selection. Each page continues after the last book of the one before, by its sort key, and is read
 * when the caller asks for it. So a book that nobody changes meanwhile comes exactly once.
 *
 * @param connect gives the database for one page
 */
export async function* exportParts(
  connect: () => Database,
  selection: Selection,
  { head, write }: FileWriter,
): AsyncGenerator<Part, undefined> {
  const encoder = new TextEncoder();
  let position: ListingPosition | undefined;
  do {
    const found: Lines = await listInOrder(connect(), selection, position, PAGE_ROWS);
    const books = rowsIn(found);
    yield { bytes: encoder.encode((position ? "" : head) + write(books)), books: books.length };
    position =
      books.length > PAGE_ROWS ? positionAfter(books.at(-1), selection.sort, found, position) : undefined;
  } while (position);
}

/** The place after the last book of a page. The state of a search is that of its first page. */
function positionAfter(
  book = "",
  sort: Selection["sort"],
  { state }: Lines,
  last: ListingPosition | undefined,
): ListingPosition {
  const members = JSON.parse(book);
  return {
    direction: "forward",
    side: "after",
    key: `${members[sort ? memberOf(sort) : "id"] ?? ""}`,
    id: members.id,
    state: last ? last.state : state && JSON.parse(state),
  };
}

/** A stream of parts of which the first has been read. It reads the next part when the last was taken. */
export function streamOf(
  first: Uint8Array<ArrayBuffer>,
  others: AsyncGenerator<Part>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      start: (controller) => controller.enqueue(first),
      async pull(controller) {
        const { done, value } = await others.next();
        if (done) controller.close();
        else controller.enqueue(value.bytes);
      },
      async cancel() {
        await others.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
