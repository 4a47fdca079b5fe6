/** Reading, listing, creating, updating and deleting tasks. */
import type { Case } from "../exchange.ts";
import { MISSING, TASKS } from "../fixtures.ts";
import { walk } from "./listing.ts";
import {
  each,
  JSON_TYPE,
  NO_TASK_PATH,
  preconditions,
  type Row,
  reads,
  TASK_PATH,
  TASKS_PATH,
} from "./tables.ts";

const role = "clerk";

const reading = reads("task", [
  ...TASKS.map(({ id }) => [200, `${TASKS_PATH}/${id}`, { role }] as const),
  [404, NO_TASK_PATH, { role }],
  [404, `${TASKS_PATH}/1`, { role }],
  [404, `${TASKS_PATH}/${MISSING}%00`, { role }],
  [422, `${TASK_PATH}?x=1`, { role }],
]);

const listing: Case[] = [
  ...reads(
    "tasks",
    ["", "?limit=2", "?completed=true", "?completed=false&limit=3", "?limit=1000", "?limit=007"].map(
      (query) => [200, TASKS_PATH + query, { role }] as const,
    ),
  ),
  ...each(
    "tasks",
    [
      "completed=yes",
      "completed=",
      "completed=true&completed=true",
      "limit=0",
      "limit=1&page=1",
      "sort=title",
      "search=x",
      "count=exact",
      "cursor=",
    ].map((query): Row => [422, "GET", `${TASKS_PATH}?${query}`, { role }]),
  ),
  ...each(
    "tasks",
    ["cursor=x", "cursor=%00", "cursor=x&limit=0"].map(
      (query): Row => [400, "GET", `${TASKS_PATH}?${query}`, { role }],
    ),
  ),
  ...["", "completed=true", "completed=false"].flatMap((filter) =>
    [2, 4].map((limit) => walk(TASKS_PATH, filter, limit, { role })),
  ),
];

const writing = each("task", [
  ...["Dust", "  Cafe\u0301 ", "a".repeat(255), "東京 😀"].map(
    (title): Row => [201, "POST", TASKS_PATH, { role, body: { title } }],
  ),
  [201, "POST", TASKS_PATH, { role, raw: '{"title":"Dust"}', headers: JSON_TYPE }],
  ...[{}, { title: "" }, { title: null }, { title: "x", completed: true }, { titel: "x" }].map(
    (body): Row => [422, "POST", TASKS_PATH, { role, body }],
  ),
  ...[
    {},
    { title: "Dust" },
    { completed: false },
    { completed: true },
    { ...TASKS[0], version: undefined },
  ].map((body): Row => [200, "PATCH", TASK_PATH, { role, body }]),
  ...[{ completed: "true" }, { completed: null }, { title: " ", done: 1 }].map(
    (body): Row => [422, "PATCH", TASK_PATH, { role, body }],
  ),
  [404, "PATCH", NO_TASK_PATH, { role, body: {} }],
  [204, "DELETE", TASK_PATH, { role }],
  [404, "DELETE", NO_TASK_PATH, { role }],
]);

const dialogues: Case[] = [
  {
    name: "a task's life",
    run: async (send) => {
      const created = await send(201, "POST", TASKS_PATH, { role, body: { title: "Order more Dune" } });
      const path = created.headers.get("Location") ?? "";
      const tag = created.headers.get("ETag") ?? "";
      await send(200, "GET", `${TASKS_PATH}?limit=3`, { role });
      await send(200, "PATCH", path, { role, body: { completed: true }, headers: { "If-Match": tag } });
      await send(412, "PATCH", path, { role, body: { completed: false }, headers: { "If-Match": tag } });
      await send(200, "GET", `${TASKS_PATH}?completed=true&limit=1`, { role });
      await send(204, "DELETE", path, { role });
      await send(404, "GET", path, { role });
    },
  },
];

export const taskCases = [
  ...reading,
  ...listing,
  ...writing,
  ...dialogues,
  ...preconditions("task", ["HEAD"], {
    path: TASK_PATH,
    missing: NO_TASK_PATH,
    version: 1,
    format: 1,
    role,
  }),
];
