/** What leads search engines and browsers to the pages. */
import { SHOP_NAME } from "./site.ts";
import { pathOf } from "./words.ts";

/** Search engines find every book by the sitemap, so they need not follow searches and cursors. */
export const robotsText = (base: string): string =>
  `User-agent: *
Disallow: /api/
Disallow: /*search=
Disallow: /*cursor=
${base && `\nSitemap: ${base}/sitemap.xml\n`}`;

/** The index of the sitemap: a part for each range of ids, named by its first one. */
export const sitemapIndex = (base: string, starts: string[]): string =>
  xml(
    `<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${starts
      .map((id) => `<sitemap><loc>${base}/sitemaps/${id}.xml</loc></sitemap>`)
      .join("")}</sitemapindex>`,
  );

/** A part of the sitemap. Paths have no character that XML escapes. */
export const sitemapPart = (
  base: string,
  books: { isbn: string; title: string; changed: string }[],
): string =>
  xml(
    `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${books
      .map((book) => `<url><loc>${base}${pathOf(book)}</loc><lastmod>${book.changed}</lastmod></url>`)
      .join("")}</urlset>`,
  );

/** Lets browsers search the shop from the address bar (OpenSearch 1.1). */
export const openSearch = (base: string, icon: string): string =>
  xml(
    `<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/"><ShortName>${SHOP_NAME}</ShortName><Description>Search the books of the shop</Description><InputEncoding>UTF-8</InputEncoding><Image type="image/svg+xml">${base}${icon}</Image><Url type="text/html" template="${base}/?search={searchTerms}"/></OpenSearchDescription>`,
  );

const xml = (content: string) => `<?xml version="1.0" encoding="UTF-8"?>\n${content}\n`;
