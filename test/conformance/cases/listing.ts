/** Listing books: every order, filter and page, and cursors that are followed, modified or used elsewhere. */
import { isbnOf } from "../../support/books.ts";
import { pagesOf } from "../../support/walk.ts";
import type { Case, Message } from "../exchange.ts";
import { DUNE } from "../fixtures.ts";
import { BOOKS_PATH, each, type Row, reads } from "./tables.ts";

const SORTS = ["created_at", "title", "author", "price", "stock"].flatMap((column) => [column, `-${column}`]);

/** Follows `next_cursor` to the end, and `prev_cursor` back to before the beginning. */
export function walk(path: string, query: string, limit: number, message?: Message): Case {
  return {
    name: `walk ${path}?${query} by ${limit}`,
    run: async (send) => {
      const page = async (cursor?: string) =>
        (
          await send(
            200,
            "GET",
            `${path}?${query && `${query}&`}limit=${limit}${cursor ? `&cursor=${cursor}` : ""}`,
            message,
          )
        ).json;
      const there = await pagesOf(await page(), ({ next_cursor }) => next_cursor && page(next_cursor));
      const back = await pagesOf(there.at(-1), ({ prev_cursor }) => prev_cursor && page(prev_cursor));
      const { next_cursor } = back.at(-1);
      if (next_cursor) await page(next_cursor);
    },
  };
}

const walks: Case[] = [
  ...SORTS.map((sort) => walk(BOOKS_PATH, `sort=${sort}`, 6)),
  ...[
    "author=tolkien",
    "search=dune&sort=-title",
    "min_price=0.01&max_price=100&sort=price",
    "in_stock=true",
    "in_stock=false&sort=author&count=exact",
    "search=nothing",
  ].map((query) => walk(BOOKS_PATH, query, 2)),
];

/** Percent-encoded bytes, some of which are not UTF-8. */
const NO_UTF8 = [
  "%FF",
  "%C3%28",
  "%E2%82",
  "%ED%A0%80",
  "%F5%80%80%80",
  "%C0%AF",
  "caf%e9",
  "%C3&%A9",
  "%zz%80",
];

const good = reads(
  "listing",
  [
    "",
    "?",
    "?&",
    "?&&limit=1",
    "?limit=1&",
    "limit=1",
    "limit=100",
    "limit=101",
    "limit=007",
    `limit=${"9".repeat(400)}`,
    "%6Cimit=1",
    "limit=%31",
    ...SORTS.map((sort) => `sort=${sort}&limit=100`),
    "sort=%2Dprice&limit=3",
    ...[
      "dune",
      "DUNE",
      "d",
      "un",
      "une",
      "tr",
      "22",
      "100%25",
      "%25",
      "_",
      "%5C",
      "o'b",
      "o%27b",
      "c%2B%2B",
    ].map((term) => `search=${term}&sort=title`),
    ...["%C3%89MILE", "%E6%9D%B1%E4%BA%AC", "%CE%A3%CE%8A%CE%A3", "%F0%9F%98%80", "%22", "e%CC%81mile"].map(
      (term) => `search=${term}&sort=title`,
    ),
    // An invalid escape is literal.
    ...["%", "%zz", "%2", "a%", "%u0041", "%EF%BB%BFa"].map((term) => `search=${term}`),
    // An empty search box searches for nothing.
    "search=",
    "search=+",
    "search=%20%E3%80%80&author=",
    "search=dune&sort=relevance&limit=1",
    "search=a+b",
    "search=the+trial",
    "search=the%20trial",
    "search=the%2Btrial",
    "search=+dune+",
    "search=a=b",
    "search=a;b",
    "search=a?b/c",
    "search=%26limit=0",
    "search=%01%1F",
    "search=~!$'()*,:@/?[]{}|^`\\",
    `search=${"a".repeat(200)}`,
    `search=${"%C3%A9".repeat(200)}`,
    `search=${encodeURIComponent("978-0-00-000004-0")}`,
    "search=0-00-000004-3",
    "search=000004",
    "author=tolkien&limit=3",
    "author=%25&limit=3",
    "author=r.+r",
    `isbn=${DUNE.isbn}`,
    "isbn=978-0-00-000004-0",
    `isbn=${isbnOf(999)}`,
    "min_price=9.99&sort=price",
    "max_price=9.99&sort=price",
    "min_price=12.5&max_price=12.50",
    "min_price=0&max_price=99999999.99&limit=2",
    "min_price=007.10",
    "in_stock=true&limit=2",
    "in_stock=false&limit=2",
    "stock_below=5&sort=stock",
    "stock_below=5&sort=-stock&search=a&count=exact",
    "author=tolkien&search=a&min_price=1&in_stock=true&sort=-price",
    "count=exact&limit=1",
    "count=exact&search=dune",
    "count=exact&search=nothing",
    "count=estimated&limit=1",
    "count=estimated&search=dune",
    "page=1",
    "page=2&limit=5&sort=title",
    "page=9&limit=5&search=dune",
    "page=1&search=nothing",
    "page=5000",
    "page=1000&limit=1000",
    "page=02",
  ].map((query) => [200, BOOKS_PATH + (/^(\?|$)/.test(query) ? query : `?${query}`)] as const),
);

const bad = each(
  "listing",
  [
    "limit=0",
    "limit=-1",
    "limit=+5",
    "limit=%2B5",
    "limit=5.5",
    "limit=1e9",
    "limit=0x10",
    "limit=%205",
    "limit=5+",
    "limit=",
    "limit",
    "limit=%D9%A1",
    "limit=5&limit=6",
    "limit=5&%6Cimit=5",
    "?limit=1",
    "=1",
    "=",
    "&=&",
    "limit=1;sort=title",
    "limit%3D1",
    ...NO_UTF8.flatMap((bytes) => [
      `search=${bytes}`,
      `limit=${bytes}`,
      `${bytes}=1`,
      `limit=1${bytes}&=${bytes}`,
    ]),
    "cursor=",
    "cursor=a&cursor=b",
    "search=a&search=b",
    "search[]=a",
    "search=a%00b",
    "author=%00",
    `author=${"a".repeat(201)}`,
    `search=${"%F0%9F%98%80".repeat(201)}`,
    "sort=relevance",
    "sort=-relevance&search=dune",
    "isbn=9780306406158",
    "isbn=",
    "min_price=-1",
    "min_price=1.234",
    "min_price=1e2",
    "min_price=.5",
    "min_price=5.",
    "min_price=NaN",
    "max_price=100000000",
    "min_price=10&max_price=9",
    "in_stock=yes",
    "stock_below=5",
    "stock_below=x&sort=stock",
    "in_stock=TRUE",
    "in_stock=",
    "in_stock",
    "sort=isbn",
    "sort=--title",
    "sort=+title",
    "sort=Title",
    "sort=",
    "count=all",
    "count=",
    "page=0",
    "page=-1",
    "page=1.5",
    "page=5001",
    "page=1001&limit=100",
    "page=99999999999999999999",
    "page=1&count=exact",
    "Limit=5",
    "colour=red&size=",
    "%00=1",
    "%FF=1",
    "caf%C3%A9=1",
    "__proto__=1",
    "constructor=1&toString=1&hasOwnProperty=1",
    ...["a", "%C3%A9", "😀".repeat(3)].map((name) =>
      Array.from({ length: 500 }, (_, at) => `${encodeURI(name)}${at}`.slice(0, 20)).join("&"),
    ),
    `${"%C3%A9".repeat(2000)}=1`,
    "limit=0&sort=x&in_stock=x&min_price=9&max_price=1&__proto__=1&colour=",
  ].map((query): Row => [422, "GET", `${BOOKS_PATH}?${query}`]),
);

const cursors: Case[] = [
  ...each(
    "cursor",
    ["x", "A", "%", "%00", "%FF", "%C3%A9", "+", "=", "....", "AAAA".repeat(50), "bnVsbA", "..%2F"].flatMap(
      (cursor): Row[] => [
        [400, "GET", `${BOOKS_PATH}?cursor=${cursor}`],
        [400, "GET", `${BOOKS_PATH}?cursor=${cursor}&limit=0&colour=red`],
      ],
    ),
  ),
  {
    name: "a cursor that was changed in any place",
    run: async (send) => {
      const { next_cursor: cursor } = (await send(200, "GET", `${BOOKS_PATH}?limit=1`)).json;
      for (let at = 0; at < cursor.length; at += 9) {
        const changed = cursor.slice(0, at) + (cursor[at] === "A" ? "B" : "A") + cursor.slice(at + 1);
        await send(400, "GET", `${BOOKS_PATH}?limit=1&cursor=${changed}`);
      }
      for (const changed of [
        `${cursor}A`,
        `${cursor}=`,
        `${cursor}+`,
        cursor.slice(0, -1),
        cursor.slice(1),
      ]) {
        await send(400, "GET", `${BOOKS_PATH}?limit=1&cursor=${changed}`);
      }
    },
  },
  {
    name: "a cursor goes with its own query, and no other",
    run: async (send) => {
      const { next_cursor: cursor } = (await send(200, "GET", `${BOOKS_PATH}?limit=2`)).json;
      for (const query of [
        "sort=-created_at",
        "limit=7",
        "count=exact",
        "limit=1&count=estimated",
        "sort=%2Dcreated_at",
      ]) {
        await send(200, "GET", `${BOOKS_PATH}?${query}&cursor=${cursor}`);
        await send(200, "HEAD", `${BOOKS_PATH}?cursor=${cursor}&${query}`);
      }
      for (const query of [
        "sort=title",
        "search=dune",
        "author=x",
        "min_price=0",
        "in_stock=false",
        "in_stock=x",
      ]) {
        await send(400, "GET", `${BOOKS_PATH}?${query}&cursor=${cursor}`);
      }
      await send(422, "GET", `${BOOKS_PATH}?cursor=${cursor}&cursor=${cursor}`);
      await send(422, "GET", `${BOOKS_PATH}?cursor=${cursor}&page=1`);
      await send(422, "GET", `${BOOKS_PATH}?cursor=${cursor}&limit=0&colour=red`);
      await send(400, "GET", `/api/v1/tasks?cursor=${cursor}`, { role: "clerk" });
    },
  },
  {
    name: "prices mean the same however they are written",
    run: async (send) => {
      const query = "sort=price&limit=2";
      const { next_cursor: cursor } = (await send(200, "GET", `${BOOKS_PATH}?${query}&min_price=9.9`)).json;
      await send(200, "GET", `${BOOKS_PATH}?${query}&min_price=09.90&cursor=${cursor}`);
      await send(400, "GET", `${BOOKS_PATH}?${query}&min_price=9.91&cursor=${cursor}`);
    },
  },
  {
    name: "links are followed as they are, whatever the filter holds",
    run: async (send) => {
      for (const search of ["%25", "d", "+the++", "%C3%89", "a%26b=c", "%zz", "'", "(ab)"]) {
        const { headers } = await send(200, "GET", `${BOOKS_PATH}?limit=1&search=${search}`);
        for (const [, link] of (headers.get("Link") ?? "").matchAll(/<(.*?)>/g)) {
          await send(200, "GET", link ?? "");
        }
      }
    },
  },
];

export const listingCases = [...walks, ...good, ...bad, ...cursors];
