/** A taken ISBN: the 409 names the book that has it. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { type Answer, type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const BOOKS = "/api/v1/books";
const AT_ONCE = 10;

describe.each(RUNTIMES)("%s", (runtime) => {
  let api: Client;
  let isbns = RUNTIMES.indexOf(runtime) * 1000;

  beforeAll(async () => {
    const server = await startServer(runtime, await createTestDatabase(), { AUTH_SECRET: SECRET });
    api = await createClient(server.url, await tokenFor("admin"));
  });

  const create = async (members = {}) => (await api("POST", BOOKS, { body: newBook(members) })).json;
  const expectConflict = ({ json }: Answer, { id, isbn }: { id: string; isbn: string }) =>
    expect(json).toMatchObject({ status: 409, error: "conflict", id, isbn });

  test("a POST of a taken ISBN returns 409 with the book that has it", async () => {
    const book = await create();
    const body = newBook({ isbn: book.isbn });
    expectConflict(await api("POST", BOOKS, { body }), book);
    expectConflict(await api("POST", BOOKS, { body, headers: { "Idempotency-Key": "taken" } }), book);
  });

  test.each(["PATCH", "PUT"])(
    "a %s to a taken ISBN returns 409 with the book that has it",
    async (method) => {
      const [book, other] = [await create(), await create()];
      expectConflict(await api(method, `${BOOKS}/${other.id}`, { body: { isbn: book.isbn } }), book);
      const own = await api(method, `${BOOKS}/${other.id}`, { body: { isbn: other.isbn } });
      expect([own.status, own.json.updated_at]).toEqual([200, other.updated_at]);
    },
  );

  test("a PATCH reports a stale version first, then a broken rule, then a taken ISBN", async () => {
    const [book, other] = [await create(), await create({ stock: 3 })];
    const change = (body: object, headers = {}) => api("PATCH", `${BOOKS}/${other.id}`, { body, headers });
    const { isbn } = book;
    const stale = await change({ isbn, price: 0 }, { "If-Match": `"${other.id}.7.1"` });
    expect(stale.json.error).toBe("precondition_failed");
    const broken = await change({ isbn, price: 0 });
    expect(broken.json.details).toMatchObject([{ code: "zero_price_with_stock" }]);
    expectConflict(await change({ isbn, price: 0, stock: 0 }), book);
    expect((await api("GET", `${BOOKS}/${other.id}`)).json).toEqual(other);
  });

  test.each([
    ["without keys", () => ({})],
    ["with keys", (at: number) => ({ "Idempotency-Key": `key-${at}-${isbns}` })],
  ])(
    "one of many simultaneous POSTs of an ISBN succeeds, and the others return 409 with its book: %s",
    async (_, headersOf) => {
      for (let time = 0; time < 5; time++) {
        const body = newBook({ isbn: isbnOf(isbns++) });
        const answers = await Promise.all(
          Array.from({ length: AT_ONCE }, (_, at) => api("POST", BOOKS, { body, headers: headersOf(at) })),
        );
        const made = answers.filter(({ status }) => status === 201);
        expect(made).toHaveLength(1);
        for (const answer of answers) if (answer !== made[0]) expectConflict(answer, made[0]?.json);
      }
    },
  );

  test("one of many simultaneous PATCHes to an ISBN succeeds, and the others return 409 with its book", async () => {
    const books = await Promise.all(Array.from({ length: AT_ONCE }, () => create()));
    const isbn = isbnOf(isbns++);
    const answers = await Promise.all(
      books.map(({ id }) => api("PATCH", `${BOOKS}/${id}`, { body: { isbn } })),
    );
    const changed = answers.filter(({ status }) => status === 200);
    expect(changed).toHaveLength(1);
    for (const answer of answers) if (answer !== changed[0]) expectConflict(answer, changed[0]?.json);
  });
});
