/** What the API promises to whoever keeps a copy of the catalogue. */
import * as z from "zod";
import { Book } from "../books/book.ts";
import { books } from "../books/contract.ts";
import { moment, uuid, wholeNumber } from "../http/fields.ts";
import type { Paging } from "../http/paging.ts";
import { route } from "../http/route.ts";

export const MAX_LIMIT = 5000;
const DEFAULT_LIMIT = 1000;

/** A page ends after so many bytes, however few its changes are. */
export const MAX_PAGE_BYTES = 4 * 1024 * 1024;

export const changePaging = {
  bound: z.object({}),
  query: z.strictObject({
    limit: wholeNumber({ min: 1, max: MAX_LIMIT, clamped: true })
      .default(DEFAULT_LIMIT)
      .meta({
        description: `The most changes in a page, which also ends at 4 MiB. Values above ${MAX_LIMIT} are treated as ${MAX_LIMIT}.`,
        examples: [DEFAULT_LIMIT],
      }),
    cursor: z.string().min(1).optional().meta({
      description:
        "`next_cursor` of the last page that you have applied. Without it, the feed begins with every book.",
    }),
  }),
} satisfies Paging;

const Change = z
  .strictObject({
    id: uuid(),
    isbn: Book.shape.isbn,
    kind: z.enum(["changed", "deleted"]).meta({ examples: ["changed"] }),
    version: z
      .int()
      .meta({ minimum: 1, description: "Rises with every change, and with the deletion.", examples: [3] }),
    // Without a name: a named schema or null would be an `anyOf`, which generators of clients misread.
    book: z
      .strictObject(Book.shape)
      .nullable()
      .meta({ description: "The book as it is now; null if it was deleted." }),
    changed_at: moment(),
  })
  .meta({ id: "Change" });

const ChangePage = z
  .strictObject({
    data: z.array(Change),
    next_cursor: z.string().meta({
      description: "Where to go on, now or later. Keep it with the copy.",
      examples: ["WyJmIiwiYSIsIjAiXQ"],
    }),
    more: z.boolean().meta({ description: "Whether to ask again at once.", examples: [false] }),
    complete_to: moment().meta({
      description: "Once `more` is false, the copy has every change that was committed before this time.",
    }),
  })
  .meta({ id: "ChangePage" });

export const listChanges = route({
  ...books,
  method: "get",
  path: "/api/v1/changes",
  name: "listChanges",
  summary: "Follow what changes in the catalogue, to keep a copy of it",
  role: "public",
  paging: changePaging,
  conditional: true,
  success: {
    200: { description: "A page of changes.", schema: ChangePage, headers: ["ETag"] },
    304: { description: "Nothing has changed.", headers: ["ETag"] },
  },
  problems: ["cursor_expired"],
});
