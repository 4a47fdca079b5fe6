/** Cases from tables, and the values that many tables share. */
import type { Case, Message } from "../exchange.ts";
import { DUNE, idOf, MISSING, type Role } from "../fixtures.ts";

/** A request and its expected status. */
export type Row = readonly [status: number, method: string, path: string, message?: Message | undefined];

/** A case for each row of a table. */
export function each(table: string, rows: readonly Row[]): Case[] {
  return rows.map((row, at) => {
    const [, method, path, message] = row;
    const detail = message ? ` ${JSON.stringify(message)}` : "";
    return {
      name: `${table} ${at + 1}: ${method} ${path}${detail}`.slice(0, 160),
      run: (send) => send(...row),
    };
  });
}

/** Reads with GET, and every third request with HEAD too. */
export function reads(table: string, rows: readonly (readonly [number, string, Message?])[]): Case[] {
  return each(
    table,
    rows.flatMap(([status, path, message], at): Row[] =>
      (at % 3 === 0 ? ["GET", "HEAD"] : ["GET"]).map((method) => [status, method, path, message]),
    ),
  );
}

/** Combines messages with requests in turn. */
export function inTurn(
  status: number,
  requests: readonly (readonly [method: string, path: string])[],
  messages: readonly Message[],
): Row[] {
  return messages.map((message, at) => {
    const [method, path] = requests[at % requests.length] ?? ["GET", "/"];
    return [status, method, path, message];
  });
}

export const BOOKS_PATH = "/api/v1/books";
export const TASKS_PATH = "/api/v1/tasks";
export const DUNE_PATH = `${BOOKS_PATH}/${DUNE.id}`;
export const DUNE_ISBN_PATH = `${BOOKS_PATH}/isbn/${DUNE.isbn}`;
export const EXPORT_PATH = `${BOOKS_PATH}/export`;
export const TASK_PATH = `${TASKS_PATH}/${idOf(101)}`;
export const STOCK_PATH = `${DUNE_PATH}/stock`;
export const MOVEMENTS_PATH = `${STOCK_PATH}/movements`;
export const SALES_PATH = "/api/v1/stock";
export const LEDGER_PATH = `${SALES_PATH}/movements`;
export const NO_BOOK_PATH = `${BOOKS_PATH}/${MISSING}`;
export const NO_TASK_PATH = `${TASKS_PATH}/${MISSING}`;

/** Every path with routes, with a resource for its parameters, and its methods. */
export const PATHS: readonly (readonly [path: string, methods: readonly string[]])[] = [
  ["/health", ["GET"]],
  ["/ready", ["GET"]],
  ["/openapi.json", ["GET"]],
  ["/openapi.yaml", ["GET"]],
  ["/.well-known/api-catalog", ["GET"]],
  ["/problems/conflict", ["GET"]],
  [BOOKS_PATH, ["GET", "POST"]],
  [DUNE_PATH, ["GET", "PATCH", "PUT", "DELETE"]],
  [DUNE_ISBN_PATH, ["GET", "PUT"]],
  [`${DUNE_ISBN_PATH}/stock`, ["PUT"]],
  [EXPORT_PATH, ["GET"]],
  [STOCK_PATH, ["POST", "PUT"]],
  [MOVEMENTS_PATH, ["GET"]],
  [SALES_PATH, ["POST"]],
  [LEDGER_PATH, ["GET"]],
  [TASKS_PATH, ["GET", "POST"]],
  [TASK_PATH, ["GET", "PATCH", "DELETE"]],
];

/** Every request with a body; those that name a resource name a missing one. */
export const WRITES = [
  ["POST", BOOKS_PATH],
  ["PUT", NO_BOOK_PATH],
  ["PATCH", NO_BOOK_PATH],
  ["PUT", DUNE_ISBN_PATH],
  ["POST", TASKS_PATH],
  ["PATCH", NO_TASK_PATH],
  ["POST", `${NO_BOOK_PATH}/stock`],
  ["PUT", `${NO_BOOK_PATH}/stock`],
  ["POST", SALES_PATH],
] as const;

export const JSON_TYPE = { "Content-Type": "application/json" };

const UNCONDITIONAL: Record<string, number> = { GET: 200, HEAD: 200, PUT: 200, PATCH: 200, DELETE: 204 };

/** If-Match and If-None-Match in every form, on the methods of one resource. */
export function preconditions(
  table: string,
  methods: readonly string[],
  {
    path,
    id = path.split("/").at(-1),
    missing,
    version,
    format,
    role,
  }: { path: string; id?: string; missing?: string; version: number; format: number; role: Role },
): Case[] {
  const current = `"${id}.${version}.${format}"`;
  const stale = `"${id}.${version - 1}.${format}"`;
  // Header values, and whether they match strongly and weakly.
  const values: [value: string | string[], strongly: boolean, weakly: boolean][] = [
    [current, true, true],
    [`W/${current}`, false, true],
    [stale, false, false],
    [`"${id}.${version}"`, true, false],
    [`"${id}.${version}.${format + 1}"`, true, false],
    ["*", true, true],
    [`${stale}, "x",${current}`, true, true],
    [[stale, current], true, true],
    [`, W/${current} ,,`, false, true],
    [`"a,b", ${current}`, true, true],
    ['""', false, false],
    // Bytes outside ASCII, in UTF-8 and in Latin-1.
    ['"\xc3\xa9\xe6\x9d\xb1"', false, false],
    ['"\xe9\xff"', false, false],
    [current.replace(".", ".0"), false, false],
    [current.replace(/\d+"$/, `${"9".repeat(30)}"`), false, false],
  ];
  const malformed = [
    "unquoted",
    '\xa0"a"',
    '"a"\xa0',
    '"open',
    'w/"lower"',
    '"a" "b"',
    '*, "a"',
    ",",
    ["*", "*"],
  ];
  return methods.flatMap((method) => {
    const reads = method === "GET" || method === "HEAD";
    const success = UNCONDITIONAL[method] ?? 0;
    const row = (status: number, at: string, headers: Record<string, string | string[]>): Row => [
      status,
      method,
      at,
      { role, headers, ...(method.startsWith("P") && { body: { title: "Changed" } }) },
    ];
    return each(`${table}, conditionally`, [
      ...values.flatMap(([value, strongly, weakly]) => [
        row(strongly ? success : 412, path, { "If-Match": value }),
        row(weakly ? (reads ? 304 : 412) : success, path, { "If-None-Match": value }),
      ]),
      ...malformed.map((value, at) =>
        row(400, path, { [at % 2 === 0 ? "If-Match" : "If-None-Match"]: value }),
      ),
      row(412, path, { "If-Match": stale, "If-None-Match": current }),
      row(success, path, { "If-Match": current, "If-None-Match": stale }),
      ...(missing
        ? [
            row(404, missing, { "If-Match": "*" }),
            row(404, missing, { "If-None-Match": "*" }),
            row(400, missing, { "If-Match": "malformed" }),
          ]
        : []),
    ]);
  });
}
