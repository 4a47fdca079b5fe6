/** The parameters of the listing of books. */
import * as z from "zod";
import { fail, text, trueOrFalse, uuid, wholeNumber } from "../http/fields.ts";
import { DEFAULT_LIMIT, type Paging, pageParameters } from "../http/paging.ts";
import type { ValidationCode } from "../http/problem.ts";
import { FORMATS, isbn, languageTag, MAX_PRICE, MAX_STOCK, publishedDate } from "./book.ts";

export const priceParameter = () =>
  z
    .string()
    .transform((value, context) => {
      if (!/^\d+(\.\d{1,2})?$/.test(value))
        return fail(context, "invalid_type", "must be a price, such as 12.50");
      if (Number(value) > MAX_PRICE) return fail(context, "out_of_range", `must be ${MAX_PRICE} or less`);
      return Number(value).toFixed(2);
    })
    .meta({ type: "number", format: "double", minimum: 0, maximum: MAX_PRICE });

const MAX_LISTED = 100;

/** The orders by a member. */
export const SORTS = [
  "created_at",
  "-created_at",
  "title",
  "-title",
  "author",
  "-author",
  "price",
  "-price",
  "published",
  "-published",
  "stock",
  "-stock",
] as const;

export type Sort = (typeof SORTS)[number];

/** The best matches of a search first. */
const RELEVANCE = "relevance";

/** The longest search, in characters. */
const MAX_TERM = 200;

/** What people type into a search box. An empty box searches for nothing. */
const searchTerm = () =>
  text({ min: 0, max: MAX_TERM })
    .transform((term) => term || undefined)
    .optional();

/** The last row that a page number may reach; cursors have no limit. */
const MAX_PAGED_ROWS = 100_000;

/** Values separated by commas, without duplicates. */
function commaSeparated(item: z.ZodType<string>, code: ValidationCode, message: string) {
  return z
    .string()
    .transform((list, context) => {
      const items = list.split(",");
      if (items.length > MAX_LISTED)
        return fail(context, "too_long", `must have ${MAX_LISTED} values or fewer`);
      const parsed = items.map((value) => item.safeParse(value.trim()));
      if (parsed.some(({ success }) => !success))
        return fail(context, code, items.length > 1 ? `${message} in each place` : message);
      return [...new Set(parsed.map(({ data }) => data as string))];
    })
    .meta({ examples: item.meta()?.examples });
}

export const filters = {
  author: searchTerm().meta({
    description: "Words of the author's name, as in `search`.",
    examples: ["garcia marquez"],
  }),
  search: searchTerm().meta({
    description:
      "Words of the title, author, publisher or ISBN, in any order; case, accents and punctuation are ignored. The last word may be incomplete. If no book has all words, words may have slips, and if none has those, some of the words are enough: `match` says which.",
    examples: ["le guin earthsea"],
  }),
  id: commaSeparated(uuid(), "invalid_format", "must be a UUID")
    .optional()
    .meta({ description: "Up to 100 ids, separated by commas." }),
  isbn: commaSeparated(isbn(), "invalid_isbn", "must be a valid ISBN-10 or ISBN-13")
    .optional()
    .meta({ description: "Up to 100 ISBNs, separated by commas." }),
  publisher: text({ min: 1, max: 255 }).optional().meta({ description: "The publisher; case is ignored." }),
  language: languageTag().optional().meta({ description: "The language, a BCP 47 tag; case is ignored." }),
  format: z
    .string()
    .toLowerCase()
    .pipe(z.enum(FORMATS))
    .optional()
    .meta({ description: "The format; case is ignored." }),
  subject: text({ min: 1, max: 100 })
    .optional()
    .meta({ description: "One of the subjects; case is ignored." }),
  published_from: publishedDate()
    .optional()
    .meta({ description: "Only books whose date of publication may be this or later." }),
  published_to: publishedDate()
    .optional()
    .meta({ description: "Only books whose date of publication may be this or earlier." }),
  min_price: priceParameter().optional().meta({ description: "The lowest price, inclusive." }),
  max_price: priceParameter().optional().meta({ description: "The highest price, inclusive." }),
  in_stock: trueOrFalse()
    .optional()
    .meta({ description: "`true` lists books in stock, `false` lists books out of stock." }),
  stock_below: wholeNumber({ min: 0, max: MAX_STOCK })
    .optional()
    .meta({
      description: "Only books of which fewer are in stock. With `sort=stock` or `sort=-stock`.",
      examples: [5],
    }),
  sort: z
    .enum([...SORTS, RELEVANCE])
    .optional()
    .meta({
      description:
        "The sort order; a leading `-` means descending. The default is `relevance` with `search`, which only a search has, and otherwise `-created_at`. By relevance, a listing ends after 1,000 books.",
    }),
};

export type BookFilters = Omit<z.output<z.ZodObject<typeof filters>>, "sort">;

/** Adds the faults of bounds that exclude each other. */
export function checkBounds(
  {
    min_price,
    max_price,
    published_from,
    published_to,
    stock_below,
    sort,
  }: BookFilters & {
    sort?: string | undefined;
  },
  context: z.RefinementCtx,
): void {
  if (min_price && max_price && Number(min_price) > Number(max_price)) {
    fail(context, "out_of_range", "must not exceed max_price", ["min_price"]);
  }
  if (published_from && published_to && published_from > `${published_to}~`) {
    fail(context, "out_of_range", "must not exceed published_to", ["published_from"]);
  }
  if (stock_below !== undefined && !/^-?stock$/.test(`${sort}`)) {
    fail(context, "invalid_format", "needs sort=stock or sort=-stock", ["stock_below"]);
  }
}

/** The order of a listing. */
export const sortOf = ({
  sort,
  search,
}: {
  sort?: Sort | typeof RELEVANCE | undefined;
  search?: string | undefined;
}): Sort | typeof RELEVANCE => sort ?? (search ? RELEVANCE : "-created_at");

/** Names the order, so that cursors are bound to it. */
const withSort = <Q extends Parameters<typeof sortOf>[0]>(query: Q): Q => ({ ...query, sort: sortOf(query) });

export const bookPaging = {
  bound: z.object(filters).overwrite(withSort),
  query: z
    .strictObject({
      ...pageParameters,
      limit: pageParameters.limit
        .unwrap()
        .optional()
        .meta({
          description: `The number of rows in a page. Values above 100 are treated as 100. The default is ${DEFAULT_LIMIT}, or with \`id\` or \`isbn\` the number of their values.`,
        }),
      ...filters,
      count: z
        .enum(["exact", "estimated"])
        .optional()
        .meta({ description: "Adds the number of all matching rows as `total`." }),
      page: wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER })
        .optional()
        .meta({ description: "A page number, for pages with totals instead of cursors." }),
    })
    .superRefine(
      (query, context) => {
        const { page, cursor, count } = query;
        if (query.sort === RELEVANCE && !query.search) {
          fail(context, "invalid_format", "must not be relevance without search", ["sort"]);
        }
        checkBounds(query, context);
        if (page === undefined) return;
        if (cursor !== undefined) fail(context, "invalid_format", "cannot be combined with cursor", ["page"]);
        if (count !== undefined)
          fail(
            context,
            "invalid_format",
            "cannot be combined with count: numbered pages always have totals",
            ["page"],
          );
        if (page * limitOf(query) > MAX_PAGED_ROWS) {
          fail(
            context,
            "out_of_range",
            `must not go beyond row ${MAX_PAGED_ROWS}; follow next_cursor instead`,
            ["page"],
          );
        }
      },
      // Runs even if other parameters are invalid, because a response lists all faults.
      { when: () => true },
    )
    .overwrite(withSort),
} satisfies Paging;

/** The member that an order sorts by. */
export const memberOf = (sort: Sort) =>
  sort.replace("-", "") as "created_at" | "title" | "author" | "price" | "published" | "stock";

/** The number of rows in a page: as many as are named by `id` or `isbn`, unless the request says otherwise. */
export const limitOf = ({
  limit,
  id,
  isbn,
}: {
  limit?: number | undefined;
  id?: string[] | undefined;
  isbn?: string[] | undefined;
}): number => limit ?? (id ?? isbn)?.length ?? DEFAULT_LIMIT;

export type BookQuery = z.output<typeof bookPaging.query>;

/** What cuts a page from the rows that were found, and makes its cursors. */
export function listingOf(query: BookQuery, url: URL) {
  const sort = sortOf(query);
  const key = sort === "relevance" ? undefined : memberOf(sort);
  return { url, paging: bookPaging, query, limit: limitOf(query), key };
}
