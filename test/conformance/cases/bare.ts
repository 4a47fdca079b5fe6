/** A server without authentication, whose database cannot be reached. */
import {
  BOOKS_PATH,
  DUNE_PATH,
  each,
  JSON_TYPE,
  NO_BOOK_PATH,
  PATHS,
  type Row,
  reads,
  TASKS_PATH,
  WRITES,
} from "./tables.ts";

export const bareCases = [
  ...reads("no database", [
    [200, "/health"],
    [503, "/ready"],
    [200, "/openapi.json"],
    [503, BOOKS_PATH],
    [503, `${BOOKS_PATH}?count=exact`],
    [503, `${BOOKS_PATH}?page=1`],
    [503, DUNE_PATH],
    [503, `${BOOKS_PATH}/isbn/9780306406157`],
    [422, `${BOOKS_PATH}?limit=0`],
    [400, `${BOOKS_PATH}?cursor=x`],
    [404, `${BOOKS_PATH}/1`],
    [400, DUNE_PATH, { headers: { "If-Match": "malformed" } }],
    [503, "/"],
    [503, "/", { headers: { Accept: "text/html" } }],
    [503, "/books/9780306406157"],
    [503, "/sitemap.xml"],
    [200, "/robots.txt"],
  ]),
  ...each("no authentication", [
    ...WRITES.map(([method, path]): Row => [401, method, path, { raw: "{", headers: JSON_TYPE }]),
    ...["Bearer x", "Basic x"].map(
      (Authorization): Row => [401, "DELETE", NO_BOOK_PATH, { headers: { Authorization } }],
    ),
    [401, "GET", TASKS_PATH, { role: "admin" }],
    [401, "HEAD", TASKS_PATH],
    ...PATHS.map(([path]): Row => [204, "OPTIONS", path, { headers: { Origin: "https://shop.example" } }]),
  ]),
];
