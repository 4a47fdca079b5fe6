/** Declarations that must not compile: `npm run check` fails if one does. */
import * as z from "zod";
import type { Api } from "../../src/http/api.ts";
import { jsonReply } from "../../src/http/reply.ts";
import { json, route, stream } from "../../src/http/route.ts";

const whole = {
  method: "get",
  path: "/api/v1/things/:id",
  tag: { name: "Books", description: "The catalogue." },
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

// @ts-expect-error a route declares who may call it
route(withoutRole);
// @ts-expect-error a route declares its responses
route(withoutAnswers);
// @ts-expect-error a role is one of four
route({ ...whole, role: "owner" });
const keyless = { ...whole, method: "post", keyed: false } as const;
const lines = stream({ types: ["application/x-ndjson"], maxBytes: 1024, gzip: false });

// @ts-expect-error an Idempotency-Key belongs to a principal
route({ ...whole, method: "post", body: json(z.object({})) });
// @ts-expect-error an Idempotency-Key identifies a body
route({ ...whole, method: "post", role: "clerk" });
// @ts-expect-error an Idempotency-Key identifies a body that is read before the handler runs
route({ ...whole, method: "post", role: "clerk", body: lines });
route(keyless);
// @ts-expect-error a problem needs an explanation
route({ ...whole, problems: ["gone_fishing"] });

declare const api: Api;

api.on(route(whole), async ({ params }) => jsonReply(200, params.id));
// @ts-expect-error a handler returns a declared status
api.on(route(whole), async ({ params }) => jsonReply(201, params.id));
// @ts-expect-error a handler gets the declared input and no other
api.on(route(whole), async ({ params }) => jsonReply(200, params.isbn));
api.on(route({ ...keyless, body: lines }), async ({ body }) => ({ status: 200 as const, body }));
