/** What must not compile: `npm run check` fails where one of these does. */
import * as z from "zod";
import type { Api } from "../../src/http/api.ts";
import { json } from "../../src/http/reply.ts";
import { route } from "../../src/http/route.ts";

const whole = {
  method: "get",
  path: "/api/v1/things/:id",
  tag: "Books",
  name: "getThing",
  summary: "Read a thing",
  role: "public",
  params: z.object({ id: z.string() }),
  database: true,
  success: { 200: { description: "The thing." } },
  problems: [],
} as const;

const { role: _, ...withoutRole } = whole;
const { success: __, ...withoutAnswers } = whole;

// @ts-expect-error a route says who may call it
route(withoutRole);
// @ts-expect-error a route says what it answers
route(withoutAnswers);
// @ts-expect-error a role is one of the four
route({ ...whole, role: "owner" });
// @ts-expect-error a POST takes an Idempotency-Key, which is somebody's
route({ ...whole, method: "post", body: z.object({}) });
// @ts-expect-error a POST takes an Idempotency-Key, which stands for a body
route({ ...whole, method: "post", role: "clerk" });
// @ts-expect-error a problem is one that can be explained
route({ ...whole, problems: ["gone_fishing"] });

declare const api: Api;

api.on(route(whole), async ({ params }) => json(200, params.id));
// @ts-expect-error an answer is a declared one
api.on(route(whole), async ({ params }) => json(201, params.id));
// @ts-expect-error a handler gets the declared input and no other
api.on(route(whole), async ({ params }) => json(200, params.isbn));
