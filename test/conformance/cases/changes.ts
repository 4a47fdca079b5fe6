/** The feed of changes. */
import type { Case } from "../exchange.ts";
import { BOOKS_PATH, DUNE_PATH, each, type Row, reads } from "./tables.ts";

const PATH = "/api/v1/changes";

export const changeCases: Case[] = [
  {
    name: "a copy follows a book",
    async run(send) {
      const { json: first } = await send(200, "GET", `${PATH}?limit=5000`);
      await send(200, "PATCH", DUNE_PATH, { role: "editor", body: { price: 3 } });
      const { json: changed } = await send(200, "GET", `${PATH}?cursor=${first.next_cursor}`);
      await send(204, "DELETE", DUNE_PATH, { role: "editor" });
      const { headers } = await send(200, "GET", `${PATH}?cursor=${changed.next_cursor}`);
      const tag = { headers: { "If-None-Match": `${headers.get("ETag")}` } };
      await send(304, "GET", `${PATH}?cursor=${changed.next_cursor}`, tag);
      await send(400, "GET", `${BOOKS_PATH}?cursor=${changed.next_cursor}`);
    },
  },
  ...reads("changes", [
    [200, `${PATH}?limit=1`],
    [200, `${PATH}?limit=99999`],
    [412, PATH, { headers: { "If-Match": '"x"' } }],
    ...["limit=0", "limit=x", "limit=", "cursor=", "sort=title", "since=2026-01-01"].map(
      (query) => [422, `${PATH}?${query}`] as const,
    ),
    ...["cursor=x", "cursor=WyJmIl0"].map((query) => [400, `${PATH}?${query}`] as const),
  ]),
  ...each("changes", [
    ...["POST", "PUT", "DELETE", "PATCH"].map((method): Row => [405, method, PATH]),
    [404, "GET", `${PATH}/`],
  ]),
];
