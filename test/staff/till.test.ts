/** The till as a form: what it answers, what it sells, and what it says of bad input. No browser is needed. */
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { type Clerk, type Shown, STAFF_VARIABLES, signIn } from "../support/staff.ts";
import { tokenFor } from "../support/token.ts";

describe.each(RUNTIMES)("on %s", (runtime) => {
  let database: TestDatabase;
  let url: string;
  let clerk: Clerk;
  let api: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    ({ url } = await startServer(runtime, database, STAFF_VARIABLES));
    clerk = await signIn(url);
    api = await createClient(url, await tokenFor("editor"));
  });

  /** Adds a book to the catalogue. */
  const stocked = async (members: Record<string, unknown> = {}) =>
    (await api("POST", "/api/v1/books", { body: newBook(members) })).json;

  const stockOf = async ({ id }: { id: string }) => (await api("GET", `/api/v1/books/${id}`)).json.stock;

  /** The fields of the form on a page, as a browser would send them. */
  const scan = async (text: string, page?: Shown) =>
    clerk.post("/staff/till", [...(page ? fieldsOf(page) : []), ["scan", text], ["action", "add"]]);
  const sell = (page: Shown) => clerk.post("/staff/till", [...fieldsOf(page), ["action", "save"]]);

  test("what is scanned is sold, and the receipt shows it", async () => {
    const [one, other] = [await stocked({ title: "One" }), await stocked({ title: "Other", price: 5.5 })];
    let page = await scan(one.isbn);
    page = await scan(other.isbn, page);
    page = await scan(one.isbn.replace(/^978/, "978-"), page);
    expect([page.status, page.html]).toEqual([200, expect.stringContaining("$25.48")]);
    const sold = await sell(page);
    expect([sold.status, sold.headers.get("Location")]).toEqual([303, expect.stringMatching(RECEIPT)]);
    const receipt = await clerk.get(`${sold.headers.get("Location")}`);
    expect(textOf(receipt)).toMatch(/One Frank Herbert \$9\.99 2 \$19\.98 Other .*Total \$25\.48/);
    expect([await stockOf(one), await stockOf(other)]).toEqual([1, 2]);
  });
});

const RECEIPT = /^\/staff\/till\/receipts\/\d{6}-[0-9A-Z]{6}$/;

/** What a browser would send of a page's form, but for its token and what was scanned. */
function fieldsOf({ html }: Shown): [string, string][] {
  const inputs = html.matchAll(/<input[^>]* name="(number|isbn|quantity|saved|reference)"[^>]*>/g);
  return Array.from(inputs, ([input, name = ""]) => [name, input.match(/ value="([^"]*)"/)?.[1] ?? ""]);
}

const textOf = ({ html }: Shown) =>
  html
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
