/** Exports of the catalogue. */
import type { Case } from "../exchange.ts";
import { EXPORT_PATH, each, type Row, reads } from "./tables.ts";

const role = "clerk";
const NDJSON = { Accept: "application/x-ndjson" };

export const exportCases: Case[] = [
  ...reads(
    "export",
    [
      "?format=csv",
      "?format=csv&with_ids=true",
      "?format=csv&excel=true",
      "?format=csv&excel=true&escape_formulas=false",
      "?escape_formulas=true&sort=-title",
      "?format=ndjson",
      "?format=ndjson&with_ids=true&sort=published",
      "?format=ndjson&search=dune",
      "?format=ndjson&author=zola&min_price=10&in_stock=true&sort=price",
      "?search=dun&sort=-price",
      "?isbn=9780000000040,0-00-000001-9&search=",
      "?book_format=paperback&subject=x&language=en&published_from=2001",
      "?min_price=1&max_price=1",
    ].map((query) => [200, EXPORT_PATH + query, { role }] as const),
  ),
  ...reads("export", [
    [200, EXPORT_PATH, { role, headers: NDJSON }],
    [200, EXPORT_PATH, { role, headers: { Accept: "text/csv;q=0.5, application/x-ndjson;q=0.4" } }],
    [200, EXPORT_PATH, { role, headers: { Accept: "*/*", "Accept-Encoding": "br;q=1, identity" } }],
    [200, EXPORT_PATH, { role: "editor", headers: { "If-Match": '"x"' } }],
    [422, EXPORT_PATH, { role, headers: { Accept: "text/html" } }],
    [422, `${EXPORT_PATH}?excel=true`, { role, headers: NDJSON }],
    [401, `${EXPORT_PATH}?format=xml`],
    ...[
      "format=xml",
      "format=paperback",
      "format=",
      "limit=1",
      "cursor=x",
      "page=1",
      "count=exact",
      "sort=relevance&search=x",
      "min_price=2&max_price=1",
      "with_ids=1",
      "excel=true&format=ndjson&escape_formulas=true",
    ].map((query) => [422, `${EXPORT_PATH}?${query}`, { role }] as const),
  ]),
  ...each("export", [
    ...["POST", "PUT", "DELETE", "PATCH"].map((method): Row => [405, method, EXPORT_PATH, { role }]),
    [404, "GET", `${EXPORT_PATH}/`, { role }],
  ]),
];
