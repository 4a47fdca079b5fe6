/** Header fields with thousands of separators: none may delay a server or change its response. */
import { BOOKS_PATH, DUNE_PATH, each, JSON_TYPE, type Row, TASKS_PATH } from "./tables.ts";

/** Keeps the head below the 16 KiB that Node and Bun accept. */
const LENGTH = 15_000;

const post = (status: number, headers: Record<string, string>): Row => [
  status,
  "POST",
  TASKS_PATH,
  { role: "admin", raw: "{", headers: { ...JSON_TYPE, ...headers } },
];
const get = (status: number, path: string, headers: Record<string, string>): Row => [
  status,
  "GET",
  path,
  { headers },
];

/** Every parsed field, with separators where they matter, and the expected status. */
const fieldsOf = (separator: string): Row[] => {
  const many = `${separator.repeat(LENGTH / separator.length)}x`;
  const blank = separator === " " || separator === "\t";
  return [
    [400, "PATCH", DUNE_PATH, { role: "admin", body: {}, headers: { "If-Match": `,${many}` } }],
    get(400, DUNE_PATH, { "If-None-Match": `,${many}` }),
    post(separator.startsWith(";") ? 400 : 415, { "Content-Type": `application/json${many}` }),
    post(blank ? 400 : 415, {
      "Content-Type": `application/json; charset=${many.slice(0, -1)}utf-8`,
    }),
    post(415, { "Content-Encoding": `a${many}` }),
    post(400, { "Idempotency-Key": `a${many}` }),
    get(401, TASKS_PATH, { Authorization: `Bearer a${many}` }),
    get(200, `${BOOKS_PATH}?limit=1`, { Origin: `a${many}` }),
    get(200, "/health", { "X-Request-Id": `a${many}` }),
    [204, "OPTIONS", BOOKS_PATH, { headers: { "Access-Control-Request-Headers": `a${many}` } }],
  ];
};

export const separatorCases = [...` \t,;"'\\:()[]<>.=/-+&?%*|`, ", ", "; ", '","'].flatMap((separator) =>
  each(`thousands of ${JSON.stringify(separator)}`, fieldsOf(separator)),
);
