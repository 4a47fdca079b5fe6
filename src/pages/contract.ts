/** The pages: their paths, and what they take from a request. None of them is part of the OpenAPI document. */
import * as z from "zod";
import { listBooks } from "../books/contract.ts";
import { parseIsbn } from "../books/isbn.ts";
import { uuid } from "../http/fields.ts";
import { page } from "../http/page.ts";

/** Two, three, four and six columns end with a full row. */
const BOOKS_IN_PAGE = 24;

export const showCatalogue = page({
  path: "/",
  cached: true,
  listing: { path: listBooks.path, paging: listBooks.paging, limit: BOOKS_IN_PAGE },
});

/** An ISBN, and after it the title for people, which decides nothing. */
const bookKey = z.string().transform((key, context) => {
  const [, digits = "", slug = ""] = key.match(/^(97[89]\d{10})(?:-(.*))?$/su) ?? [];
  const isbn = parseIsbn(digits) ?? parseIsbn(key);
  if (isbn) return { isbn, slug: digits ? slug : undefined };
  context.addIssue("is no ISBN");
  return z.NEVER;
});

export const showBook = page({ path: "/books/:book", params: z.object({ book: bookKey }), cached: true });

export const getAsset = page({
  path: "/assets/:file",
  params: z.object({ file: z.string() }),
  unlimited: true,
});

export const getRobots = page({ path: "/robots.txt", unlimited: true });

export const getOpenSearch = page({ path: "/opensearch.xml", unlimited: true });

export const getSitemap = page({ path: "/sitemap.xml" });

export const getSitemapPart = page({
  path: "/sitemaps/:part",
  params: z.object({
    part: z
      .string()
      .endsWith(".xml")
      .transform((name) => name.slice(0, -".xml".length))
      .pipe(uuid()),
  }),
});
