/** Access control with HS256 tokens. Their times are far away, so that responses do not depend on the date. */
import type { Case } from "../exchange.ts";
import { ROLES, token, VARIABLES } from "../fixtures.ts";
import {
  BOOKS_PATH,
  each,
  MOVEMENTS_PATH,
  NO_BOOK_PATH,
  NO_TASK_PATH,
  type Row,
  TASK_PATH,
  TASKS_PATH,
} from "./tables.ts";

/** Every operation that needs a role, the role, and the status for a caller with it. */
const SECURED: [role: string, status: number, method: string, path: string, body?: object][] = [
  ["editor", 422, "POST", BOOKS_PATH, {}],
  ["editor", 404, "PATCH", NO_BOOK_PATH, {}],
  ["editor", 404, "PUT", NO_BOOK_PATH, {}],
  ["editor", 404, "DELETE", NO_BOOK_PATH],
  ["clerk", 404, "POST", `${NO_BOOK_PATH}/stock`, { delta: 1 }],
  ["clerk", 200, "GET", MOVEMENTS_PATH],
  ["clerk", 200, "GET", TASKS_PATH],
  ["clerk", 200, "HEAD", TASKS_PATH],
  ["clerk", 422, "POST", TASKS_PATH, {}],
  ["clerk", 200, "GET", TASK_PATH],
  ["clerk", 404, "PATCH", NO_TASK_PATH, {}],
  ["clerk", 404, "DELETE", NO_TASK_PATH],
];

const matrix: Case[] = SECURED.flatMap(([needed, status, method, path, body]) =>
  each(`${method} ${path} as`, [
    [401, method, path, { body }],
    ...ROLES.map((role): Row => {
      const may = ROLES.indexOf(role) >= ROLES.indexOf(needed as (typeof ROLES)[number]);
      return [may ? status : 403, method, path, { role, body }];
    }),
  ]),
);

const PAST = 1_000_000_000;
const FUTURE = 4_102_444_800;
const good = token({ roles: ["clerk"] });
const [head, claims, signature] = good.split(".") as [string, string, string];

const REFUSED: string[] = [
  "Bearer",
  "Bearer ",
  "Bearer garbage",
  "Bearer a.b.c",
  "Bearer ..",
  `Bearer ${good}.`,
  `Bearer ${good} x`,
  `Bearer ${good}, Bearer ${good}`,
  `Bearer\t${good}`,
  `Bearer "${good}"`,
  `Basic ${good}`,
  `Token ${good}`,
  good,
  `Bearer ${head}.${claims}.`,
  `Bearer ${head}.${claims}`,
  `Bearer ${head}.${claims}.${signature.slice(0, -4)}`,
  `Bearer ${head}.${token({ roles: ["admin"] }).split(".")[1]}.${signature}`,
  `Bearer ${token({ exp: PAST })}`,
  `Bearer ${token({ nbf: FUTURE })}`,
  `Bearer ${token({ exp: undefined })}`,
  `Bearer ${token({ exp: "tomorrow" })}`,
  `Bearer ${token({ sub: undefined })}`,
  `Bearer ${token({ sub: "" })}`,
  `Bearer ${token({ sub: 5 })}`,
  `Bearer ${token({ iss: "https://evil.example" })}`,
  `Bearer ${token({ iss: undefined })}`,
  `Bearer ${token({ aud: "other" })}`,
  `Bearer ${token({ aud: undefined })}`,
  `Bearer ${token("no JSON")}`,
  `Bearer ${token("[]")}`,
  `Bearer ${token({}, { header: { alg: "none" } })}`,
  `Bearer ${head.replace(/.*/, Buffer.from('{"alg":"none"}').toString("base64url"))}.${claims}.`,
  `Bearer ${token({}, { header: { alg: "HS512" }, hash: "sha512" })}`,
  `Bearer ${token({}, { header: { alg: "HS512" } })}`,
  `Bearer ${token({}, { header: { alg: "hs256" } })}`,
  `Bearer ${token({}, { header: { alg: "HS256", crit: ["exp"] } })}`,
  `Bearer ${token({}, { header: { alg: "HS256", crit: ["x"], x: 1 } })}`,
  `Bearer ${token({}, { header: {} })}`,
  `Bearer ${token({}, { secret: VARIABLES.AUTH_SECRET.toUpperCase() })}`,
  `Bearer ${"a".repeat(6000)}`,
  "Bearer \xe9",
];

const UNROLED: unknown[] = [
  undefined,
  [],
  null,
  "clerk",
  "clerk editor admin",
  ["clerk", 5],
  { clerk: true },
  ["CLERK"],
  ["owner"],
  [["clerk"]],
];

const authorization = (status: number, value: string | string[]): Row => [
  status,
  "GET",
  TASK_PATH,
  { headers: { Authorization: value } },
];

const tokens = each("token", [
  ...REFUSED.map((value) => authorization(401, value)),
  authorization(401, [`Bearer ${good}`, `Bearer ${good}`]),
  authorization(401, ["Basic x", `Bearer ${good}`]),
  ...UNROLED.map((roles) => authorization(403, `Bearer ${token({ roles })}`)),
  authorization(200, `Bearer ${good}`),
  authorization(200, `bearer ${good}`),
  authorization(200, `Bearer ${good}=`),
  authorization(200, `BEARER   ${good}  `),
  authorization(200, `Bearer ${token({ roles: ["owner", "clerk"] })}`),
  authorization(200, `Bearer ${token({ roles: ["clerk"], aud: ["other", VARIABLES.AUTH_AUDIENCE] })}`),
  authorization(200, `Bearer ${token({ roles: ["clerk"], nbf: PAST, iat: PAST })}`),
  authorization(200, `Bearer ${token({ roles: ["clerk"], sub: "Émile 😀" })}`),
  authorization(
    200,
    `Bearer ${token({ roles: ["clerk"] }, { header: { typ: "x", kid: "y", alg: "HS256" } })}`,
  ),
  // Public routes ignore tokens.
  [200, "GET", "/health", { headers: { Authorization: "Bearer garbage" } }],
  [200, "GET", `${BOOKS_PATH}?limit=1`, { headers: { Authorization: `Bearer ${token({ exp: PAST })}` } }],
  [404, "GET", NO_BOOK_PATH, { headers: { Authorization: ["a", "b"] } }],
]);

export const authCases = [...matrix, ...tokens];
