import { isbnOf } from "./books.ts";
import type { TestDatabase } from "./database.ts";

/** The ISBNs of the books that {@link fillShop} adds beside its novels. */
export const PLAIN = isbnOf(701);
export const RICH = isbnOf(702);
export const HOSTILE = isbnOf(703);
export const RIGHT_TO_LEFT = isbnOf(704);

const LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitän".repeat(6).slice(0, 255);

/** Adds 60 novels (`Novel 01` costs 1, and every eighth is sold out), and books that pages must be able to show. */
export async function fillShop(database: TestDatabase): Promise<void> {
  await database.sql(
    `insert into books (title, author, isbn, price, stock, language, format)
     select 'Novel ' || lpad(n::text, 2, '0'), 'Ann Author', isbn, n, n % 8, 'en', 'paperback'
     from unnest($1::text[]) with ordinality as given (isbn, n)`,
    [Array.from({ length: 60 }, (_, at) => isbnOf(600 + at))],
  );
  await database.sql(
    `insert into books (title, author, isbn, price, stock, description, publisher, published, language, format,
       pages, cover_url, subjects)
     values ('Plain', 'Someone', $1, 0, 0, null, null, null, null, null, null, null, '{}'),
       ('Rich', 'Ann Author', $2, 99999999.99, 3, repeat('A long description of it. ', 384), 'Publisher & Sons',
         '2008-09-14', 'de-CH', 'hardback', 1, 'https://covers.example/rich.svg', '{Fish & chips,"<i>",日本}'),
       ('</script><script>alert(1)</script>', $3, $4, 5, 1, '<!--<script>', '"><img src=x>', '0001', 'en', 'other',
         100000, 'https://covers.example/missing.jpg', array['</title>']),
       ('مئة عام من العزلة', 'غابرييل غارثيا ماركيث', $5, 12.3, 9, 'رواية', null, '1967', 'ar', 'ebook', null, null, '{}')`,
    [PLAIN, RICH, LONG_WORD, HOSTILE, RIGHT_TO_LEFT],
  );
}

/** The image of each cover at `https://covers.example`, but for those that are missing. */
export const COVER =
  '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="30"><rect width="20" height="30"/></svg>';
