/** Requests with an Idempotency-Key: repeated, changed, rejected, and sent by other callers. */
import { isbnOf } from "../../support/books.ts";
import type { Case } from "../exchange.ts";
import { DUNE, token } from "../fixtures.ts";
import { BOOKS_PATH, DUNE_PATH, each, type Row, STOCK_PATH, TASKS_PATH } from "./tables.ts";

const role = "editor";
const book = { title: "Solaris", author: "Stanisław Lem", isbn: isbnOf(500), price: 12.3 };
const keyed = (key: string | string[] = "a-key") => ({ "Idempotency-Key": key });

const POSTS: [path: string, status: number, body: object, other: object][] = [
  [BOOKS_PATH, 201, book, { ...book, price: 12.4 }],
  [STOCK_PATH, 200, { delta: 2, reason: "é" }, { delta: 2 }],
  [TASKS_PATH, 201, { title: "Dust" }, { title: "Dust " }],
];

const replays: Case[] = POSTS.map(([path, status, body, other]) => ({
  name: `POST ${path} again`,
  run: async (send) => {
    await send(status, "POST", path, { role, body, headers: keyed() });
    await send(status, "POST", path, { role, body, headers: keyed() });
    await send(422, "POST", path, { role, body: other, headers: keyed() });
    await send(status, "POST", path, { role, chunks: [JSON.stringify(body)], headers: { ...JSON_AND_KEY } });
    // Another caller's key is a different key, also if only the issuer differs.
    await send(status === 201 && path === BOOKS_PATH ? 409 : status, "POST", path, {
      body,
      headers: { ...keyed(), Authorization: `Bearer ${token({ roles: ["editor"], sub: "another" })}` },
    });
    await send(401, "POST", path, { body, headers: keyed() });
  },
}));

const JSON_AND_KEY = { "Content-Type": "application/json", ...keyed() };

const dialogues: Case[] = [
  {
    name: "what was refused is tried again",
    run: async (send) => {
      await send(409, "POST", STOCK_PATH, { role, body: { delta: -5 }, headers: keyed() });
      await send(200, "POST", STOCK_PATH, { role, body: { delta: 5 } });
      await send(200, "POST", STOCK_PATH, { role, body: { delta: -5 }, headers: keyed() });
      await send(200, "POST", STOCK_PATH, { role, body: { delta: -5 }, headers: keyed() });
      await send(422, "POST", BOOKS_PATH, { role, body: {}, headers: keyed("other") });
      await send(409, "POST", BOOKS_PATH, {
        role,
        body: { ...book, isbn: DUNE.isbn },
        headers: keyed("other"),
      });
      await send(201, "POST", BOOKS_PATH, { role, body: book, headers: keyed("other") });
    },
  },
  {
    name: "one key for two paths",
    run: async (send) => {
      await send(201, "POST", TASKS_PATH, { role, body: { title: "Dust" }, headers: keyed() });
      await send(422, "POST", BOOKS_PATH, { role, body: book, headers: keyed() });
    },
  },
  {
    name: "an answer that outlives what it tells of",
    run: async (send) => {
      const { headers } = await send(201, "POST", BOOKS_PATH, { role, body: book, headers: keyed() });
      await send(204, "DELETE", headers.get("Location") ?? "", { role });
      await send(201, "POST", BOOKS_PATH, { role, body: book, headers: keyed() });
    },
  },
];

const forms = each("key", [
  ...["!", "~", "a".repeat(255), '"quoted"', "a,b", "%20"].map(
    (key): Row => [201, "POST", TASKS_PATH, { role, body: { title: "Dust" }, headers: keyed(key) }],
  ),
  ...["", "a b", "a".repeat(256), "\xe9", "\xc3\xa9", "a\tb", ["a", "b"]].map(
    (key): Row => [400, "POST", TASKS_PATH, { role, body: { title: "Dust" }, headers: keyed(key) }],
  ),
  [200, "PATCH", DUNE_PATH, { role, body: { title: "Dune" }, headers: keyed("a b") }],
  [200, "GET", DUNE_PATH, { headers: keyed("a b") }],
]);

export const onceCases = [...replays, ...dialogues, ...forms];
