/** What pages say to search engines, in the words of schema.org. */
import type { Book, BookFormatType, WebSite, WithContext } from "schema-dts";
import { coverUrlOf } from "./cover.tsx";
import { SHOP_NAME, type Site } from "./site.ts";
import { type BookMembers, pathOf } from "./words.ts";

const FORMATS: Partial<Record<NonNullable<BookMembers["format"]>, BookFormatType>> = {
  hardback: "https://schema.org/Hardcover",
  paperback: "https://schema.org/Paperback",
  ebook: "https://schema.org/EBook",
  audiobook: "https://schema.org/AudiobookFormat",
};

export function bookData(book: BookMembers, { base, coverOrigins, currency }: Site): WithContext<Book> {
  const { description, format, language, pages, published, publisher, subjects } = book;
  const url = base + pathOf(book);
  const bookFormat = format && FORMATS[format];
  const image = coverUrlOf(book, coverOrigins);
  return {
    "@context": "https://schema.org",
    "@type": "Book",
    "@id": url,
    url,
    name: book.title,
    author: { "@type": "Person", name: book.author },
    isbn: book.isbn,
    ...(description && { description }),
    ...(language && { inLanguage: language }),
    ...(published && { datePublished: published }),
    ...(pages && { numberOfPages: pages }),
    ...(bookFormat && { bookFormat }),
    ...(image && { image }),
    ...(publisher && { publisher: { "@type": "Organization", name: publisher } }),
    ...(subjects.length > 0 && { genre: subjects }),
    offers: {
      "@type": "Offer",
      url,
      price: book.price.toFixed(2),
      priceCurrency: currency,
      availability: book.stock > 0 ? "https://schema.org/InStock" : "https://schema.org/OutOfStock",
    },
  };
}

/** Google's `query-input` is a property that schema.org describes elsewhere. */
interface Search {
  "@type": "SearchAction";
  target: { "@type": "EntryPoint"; urlTemplate: string };
  "query-input": string;
}

/** The catalogue, and how to search it. */
export function siteData({ base }: Site): WithContext<WebSite> {
  const search: Search = {
    "@type": "SearchAction",
    target: { "@type": "EntryPoint", urlTemplate: `${base}/?search={search_term}` },
    "query-input": "required name=search_term",
  };
  return {
    "@context": "https://schema.org",
    "@type": "WebSite",
    name: SHOP_NAME,
    url: `${base}/`,
    potentialAction: search,
  };
}
