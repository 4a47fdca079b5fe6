/** What pages say to search engines, in the words of schema.org. */
import { coverUrlOf } from "./cover.tsx";
import type { Site } from "./site.ts";
import { type BookMembers, pathOf } from "./words.ts";

const FORMATS: Partial<Record<NonNullable<BookMembers["format"]>, string>> = {
  hardback: "https://schema.org/Hardcover",
  paperback: "https://schema.org/Paperback",
  ebook: "https://schema.org/EBook",
  audiobook: "https://schema.org/AudiobookFormat",
};

export function bookData(book: BookMembers, { base, coverOrigins, currency }: Site) {
  const { format, publisher, subjects } = book;
  const url = base + pathOf(book);
  return {
    "@context": "https://schema.org",
    "@type": "Book",
    "@id": url,
    url,
    name: book.title,
    author: { "@type": "Person", name: book.author },
    isbn: book.isbn,
    ...known({
      description: book.description,
      inLanguage: book.language,
      datePublished: book.published,
      numberOfPages: book.pages,
      bookFormat: format && FORMATS[format],
      image: coverUrlOf(book, coverOrigins),
      publisher: publisher && { "@type": "Organization", name: publisher },
    }),
    ...(subjects.length > 0 && { genre: subjects }),
    offers: {
      "@type": "Offer",
      url,
      price: book.price.toFixed(2),
      priceCurrency: currency,
      availability: `https://schema.org/${book.stock > 0 ? "InStock" : "OutOfStock"}`,
    },
  };
}

/** The catalogue, and how to search it. */
export function siteData({ base }: Site, name: string) {
  return {
    "@context": "https://schema.org",
    "@type": "WebSite",
    name,
    url: `${base}/`,
    potentialAction: {
      "@type": "SearchAction",
      target: { "@type": "EntryPoint", urlTemplate: `${base}/?search={search_term}` },
      "query-input": "required name=search_term",
    },
  };
}

const known = (members: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined));
