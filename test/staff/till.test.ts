/** The till, goods in and the count as forms: what they write, once, and what they say of bad input. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer, type TestServer } from "../support/servers.ts";
import { type Clerk, type Shown, STAFF_VARIABLES, signIn } from "../support/staff.ts";
import { faultsIn, fieldsOf, hiddenFieldsOf, textOf } from "../support/staff-forms.ts";
import { tokenFor } from "../support/token.ts";

type Fields = [string, string][];

const UNKNOWN = "9780306406157";
const MAX_LINES = 200;

describe.each(RUNTIMES)("on %s", (runtime) => {
  let database: TestDatabase;
  let url: string;
  let clerk: Clerk;
  let api: Client;
  let server: TestServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer(runtime, database, STAFF_VARIABLES);
    ({ url } = server);
    clerk = await signIn(url);
    api = await createClient(url, await tokenFor("editor"));
  });

  const stocked = async (members: Record<string, unknown> = {}) =>
    (await api("POST", "/api/v1/books", { body: newBook(members) })).json;
  /** The ISBNs of new books. */
  const many = async (from: number, length: number) => {
    const isbns = Array.from({ length }, (_, at) => isbnOf(from + at));
    await database.sql(
      "insert into books (title, author, isbn, price, stock) select 'Many', 'A', isbn, 1, 5 from unnest($1::text[]) isbn",
      [isbns],
    );
    return isbns;
  };
  const stockOf = async ({ id }: { id: string }) => (await api("GET", `/api/v1/books/${id}`)).json.stock;
  const movementsOf = async ({ id }: { id: string }) =>
    (await api("GET", `/api/v1/books/${id}/stock/movements`)).json.data;

  const post = (path: string, page: Shown | Fields, ...more: Fields) =>
    clerk.post(path, [...(Array.isArray(page) ? page : fieldsOf(page)), ...more]);
  const scan = (text: string, page: Shown | Fields = [], path = "/staff/till") =>
    post(path, page, ["scan", text], ["action", "add"]);
  const save = (page: Shown | Fields, path = "/staff/till") => post(path, page, ["action", "save"]);
  const locationOf = ({ headers }: Shown) => `${headers.get("Location")}`;
  const line = (isbn: string, quantity: string): Fields => [
    ["isbn", isbn],
    ["quantity", quantity],
  ];

  test("what is scanned is sold, and the receipt shows it", async () => {
    const [one, other] = [await stocked({ title: "One" }), await stocked({ title: "Other", price: 5.5 })];
    let page = await scan(one.isbn);
    page = await scan(other.isbn, page);
    page = await scan(one.isbn.replace(/^978/, "978-"), page);
    expect([page.status, textOf(page)]).toEqual([200, expect.stringContaining("3 books $25.48")]);
    const sold = await save(page);
    expect([sold.status, locationOf(sold)]).toEqual([303, expect.stringMatching(RECEIPT)]);
    expect(textOf(await clerk.get(locationOf(sold)))).toMatch(
      /^Octavo Receipt .* Book Price Quantity Sum One Frank Herbert \$9\.99 2 \$19\.98 Other .* Total \$25\.48 /,
    );
    expect([await stockOf(one), await stockOf(other)]).toEqual([1, 2]);
    const number = locationOf(sold).split("/").at(-1);
    expect((await movementsOf(one))[0]).toMatchObject({
      delta: -2,
      reason: "sale",
      reference: number,
      actor: "tester",
    });
  });

  test("a sale that is sent again is made once, whoever sends it and however often", async () => {
    const one = await stocked({ stock: 9 });
    const page = await scan(one.isbn);
    const other = await signIn(url, "clerk", "somebody else");
    const sales = await Promise.all(
      [clerk, other, clerk, other].map((each) =>
        each.post("/staff/till", [...fieldsOf(page), ["action", "save"]]),
      ),
    );
    expect(sales.map(locationOf)).toEqual(Array(4).fill(expect.stringMatching(RECEIPT)));
    // Long afterwards, only the ledger knows.
    await database.sql("delete from idempotency_keys");
    expect(locationOf(await save(page))).toMatch(RECEIPT);
    expect(await stockOf(one)).toBe(8);
  });

  test("a sale that the database does not answer is kept on the page to be sent again, and a list speaks of no change", async () => {
    const book = await stocked();
    const page = await scan(book.isbn);
    const release = await database.hold("lock table books in access exclusive mode");
    const sent: [string, string][] = [...fieldsOf(page), ["action", "save"]];
    const [failed, list] = await Promise.all([
      clerk.post("/staff/till", sent, { Origin: url }),
      clerk.get("/staff/books"),
    ]);
    await release();
    expect([failed.status, textOf(failed)]).toEqual([
      503,
      expect.stringMatching(/The change may or may not be saved\. .* Your entries are kept\./),
    ]);
    expect([list.status, textOf(list)]).toEqual([
      503,
      expect.stringMatching(
        /^The database does not answer Please try again in a moment\. Try again Request \S+$/,
      ),
    ]);
    expect(hiddenFieldsOf(failed)).toEqual([["form_token", clerk.formToken], ...sent]);
    expect((await clerk.post("/staff/till", sent)).status).toBe(303);
    expect(await stockOf(book)).toBe(book.stock - 1);
  });

  test("a sale that another tab is still making is kept on the page, which says so", async () => {
    const book = await stocked();
    const page = await scan(book.isbn);
    const release = await database.hold("select from books where id = $1 for update", [book.id]);
    const first = save(page);
    await expect.poll(database.waiting).toBe(1);
    const sent: Fields = [...fieldsOf(page), ["action", "save"]];
    const second = await clerk.post("/staff/till", sent, { Origin: url });
    await release();
    expect([second.status, textOf(second)]).toEqual([
      409,
      "This is being saved It was sent twice. Try again in a moment. Your entries are kept. Send them again",
    ]);
    expect(hiddenFieldsOf(second)).toEqual([["form_token", clerk.formToken], ...sent]);
    const sales = [await first, await clerk.post("/staff/till", sent)];
    expect(sales.map(locationOf)).toEqual(Array(2).fill(expect.stringMatching(RECEIPT)));
    expect(await stockOf(book)).toBe(book.stock - 1);
  });

  test("the second of two clicks waits for the first, to sell and to undo", async () => {
    const book = await stocked();
    const page = await scan(book.isbn);
    const twice = async (click: () => Promise<Shown>) => {
      const release = await database.hold("select from books where id = $1 for update", [book.id]);
      const first = click();
      await expect.poll(database.waiting).toBe(1);
      const second = click();
      // A page that is asked for after the second click is shown after its first try.
      await clerk.get("/staff/movements");
      await release();
      return [locationOf(await first), locationOf(await second)];
    };
    const [receipt = "", again] = await twice(() => save(page));
    expect([receipt, again]).toEqual([expect.stringMatching(RECEIPT), receipt]);
    expect(await twice(() => clerk.post(receipt))).toEqual([receipt, receipt]);
    expect((await movementsOf(book)).map(({ delta }: { delta: number }) => delta)).toEqual([1, -1, 3]);
  });

  test("a cart whose session has ended can be sent again in the next one, but not by another site", async () => {
    const cart: Fields = [...fieldsOf(await scan((await stocked()).isbn)), ["action", "save"]];
    const next = await signIn(url);
    const send = async (Origin: string) => {
      const response = await fetch(`${url}/staff/till`, {
        method: "POST",
        headers: { Accept: "text/html", Cookie: next.cookie, Origin },
        body: new URLSearchParams([["form_token", clerk.formToken], ...cart]),
      });
      return { status: response.status, headers: response.headers, html: await response.text() };
    };
    const [ours, others] = [await send(url), await send("https://evil.example")];
    expect([ours.status, hiddenFieldsOf(ours)]).toEqual([403, [["form_token", next.formToken], ...cart]]);
    expect(textOf(ours)).toMatch(
      /^You have signed in again .* Nothing was saved yet. Your entries are kept. Send them again$/,
    );
    expect([others.status, hiddenFieldsOf(others)]).toEqual([403, []]);
  });

  test("other lines under a number that is sold are not sold, and get a number of their own", async () => {
    const [one, other] = [await stocked({ stock: 9 }), await stocked({ stock: 9 })];
    const page = await scan(one.isbn);
    const sold = await save(page);
    const refused = await save(await scan(other.isbn, page));
    expect([refused.status, textOf(refused)]).toEqual([422, expect.stringContaining("already sold")]);
    expect(refused.html).toContain(`href="${locationOf(sold)}"`);
    expect([await stockOf(one), await stockOf(other)]).toEqual([8, 9]);
    const again = await save(refused);
    expect(locationOf(again)).not.toBe(locationOf(sold));
    expect([await stockOf(one), await stockOf(other)]).toEqual([7, 8]);
  });

  test("lines that the stock does not cover are marked, and nothing is sold", async () => {
    const [one, none, enough] = [await stocked({ stock: 1 }), await stocked({ stock: 0 }), await stocked()];
    const page = await save([...line(one.isbn, "3"), ...line(none.isbn, "1"), ...line(enough.isbn, "1")]);
    expect([page.status, faultsIn(page)]).toEqual([
      422,
      ["Only 1 left: take 2 off, or remove the line.", "None left: remove the line."],
    ]);
    expect(await stockOf(enough)).toBe(3);
    expect((page.html.match(/<tr class="wrong">/g) ?? []).length).toBe(2);
  });

  test("a sale is undone once, and the receipt says so", async () => {
    const one = await stocked();
    const receipt = locationOf(await save(await scan(one.isbn)));
    const other = await signIn(url, "clerk", "somebody else");
    const undone = await Promise.all([clerk.post(receipt), other.post(receipt), clerk.post(receipt)]);
    expect(undone.map(locationOf)).toEqual(Array(3).fill(receipt));
    await database.sql("delete from idempotency_keys");
    expect(locationOf(await clerk.post(receipt))).toBe(receipt);
    expect((await movementsOf(one)).map(({ reason }: { reason: string }) => reason)).toEqual([
      "undo",
      "sale",
      null,
    ]);
    const page = await clerk.get(receipt);
    expect([textOf(page), page.html]).toEqual([
      expect.stringContaining("Undone on"),
      expect.not.stringContaining("Undo the sale"),
    ]);
  });

  test("a sale of a book that was deleted is shown by its ISBN, and cannot be undone", async () => {
    const one = await stocked({ stock: 1 });
    const receipt = locationOf(await save(await scan(one.isbn)));
    await api("DELETE", `/api/v1/books/${one.id}`);
    expect(textOf(await clerk.get(receipt))).toContain(`${one.isbn} Deleted since`);
    const refused = await clerk.post(receipt);
    expect([refused.status, faultsIn(refused)]).toEqual([
      422,
      [expect.stringContaining(`cannot rise: ${one.isbn}`)],
    ]);
  });

  test.each<[string, string, string]>([
    ["zero", "0", "Must be 1 or more."],
    ["a negative number", "-1", "Must be 1 or more."],
    ["a negative number with a minus sign", "−1", "Must be 1 or more."],
    ["more than there can be", "2147483648", "Must be 2147483647 or less."],
    ["a billion", "1000000000", "Only 3 left: take 999999997 off, or remove the line."],
    ["a billion, as programs write it", "1e9", "Must be a whole number."],
    ["decimals", "2.5", "Must be a whole number."],
    ["decimals with a comma", "2,5", "Must be a whole number."],
    ["a price", "$12.50", "Must be a whole number."],
    ["a price without a currency", "12.50", "Must be a whole number."],
    ["words", "two", "Must be a whole number."],
    ["nothing", "", "Must be a whole number."],
    ["an ISBN", UNKNOWN, "Must be 2147483647 or less."],
    ["markup", '"><script>', "Must be a whole number."],
    ["digits of another script", "٣", "Must be a whole number."],
    ["infinity", "Infinity", "Must be a whole number."],
  ])("a quantity that is %s stays in its field, with the fault in its row", async (_, quantity, fault) => {
    const one = await stocked();
    for (const page of [await save(line(one.isbn, quantity)), await scan("", line(one.isbn, quantity))]) {
      expect([page.status, faultsIn(page)]).toEqual([422, [fault]]);
      expect(fieldsOf(page)).toContainEqual(["quantity", quantity]);
      // What is no quantity does not count.
      if (!fault.startsWith("Only")) expect(textOf(page)).toContain("0 books $0.00");
      expect(page.html).not.toContain('"><script>');
    }
    expect(await stockOf(one)).toBe(3);
  });

  test.each<[string, string, string]>([
    ["no book", UNKNOWN, "Names no book."],
    ["an ISBN with a wrong check digit", "9780306406158", "Must be a valid ISBN-10 or ISBN-13."],
    ["half an ISBN", "978030640", "Must be a valid ISBN-10 or ISBN-13."],
    ["two ISBNs in one", UNKNOWN + UNKNOWN, "Must be a valid ISBN-10 or ISBN-13."],
    ["a barcode of something else", "4006381333931", "Must be a valid ISBN-10 or ISBN-13."],
    ["markup", '"><script>', "Must be a valid ISBN-10 or ISBN-13."],
    ["more than a field takes", "9".repeat(5000), "Must be a valid ISBN-10 or ISBN-13."],
  ])("a scan of %s is a line that says so, and keeps the cart from being saved", async (_, text, fault) => {
    const one = await stocked();
    for (const path of ["/staff/till", "/staff/receive"]) {
      const page = await scan(text, line(one.isbn, "1"), path);
      expect([page.status, faultsIn(page)]).toEqual([422, [fault]]);
      expect(fieldsOf(page)).toContainEqual(["isbn", text.slice(0, 100)]);
      expect((await save(page, path)).status).toBe(422);
    }
    expect(await stockOf(one)).toBe(3);
  });

  test("a form without lines, with a made-up number, or with fields that do not fit is no defect", async () => {
    const one = await stocked();
    expect((await save([])).status).toBe(422);
    expect((await save([["quantity", "1"]])).status).toBe(422);
    expect((await save([["isbn", one.isbn]])).status).toBe(422);
    const forged = await save([["number", "'; drop table books"], ...line(one.isbn, "1")]);
    expect(locationOf(forged)).toMatch(RECEIPT);
    expect((await post("/staff/till", [], ["action", "nonsense"])).status).toBe(200);
    expect((await post("/staff/till", line("\0", "\ud800"))).status).toBe(422);
  });

  test("200 lines are saved at once, and the next one is told that it has no room", async () => {
    const [last = "", ...full] = await many(500_000, MAX_LINES + 1);
    const lines = full.flatMap((isbn) => line(isbn, "1"));
    const page = await scan(last, lines);
    expect([page.status, textOf(page)]).toEqual([
      422,
      expect.stringContaining("Not added: there are 200 lines"),
    ]);
    expect(page.html).toContain(`name="scan" value="${last}"`);
    const receipt = await clerk.get(locationOf(await save(lines)));
    expect(textOf(receipt)).toContain("Total $200.00");
    expect((await save([...lines, ...line(last, "1")])).status).toBe(422);
  });

  test("one book on two lines becomes one", async () => {
    const one = await stocked();
    const page = await scan("", [...line(one.isbn, "1"), ...line(` ${one.isbn} `, "1")]);
    expect(fieldsOf(page).slice(1)).toEqual(line(one.isbn, "2"));
  });

  test("whoever saves while an ISBN is in the field sees its line first", async () => {
    const one = await stocked();
    const page = await post("/staff/till", [], ["scan", one.isbn], ["action", "save"]);
    expect([page.status, fieldsOf(page).slice(1)]).toEqual([200, line(one.isbn, "1")]);
    expect(await stockOf(one)).toBe(3);
  });

  test("there is no receipt under a number that nothing was sold under, and none under another text", async () => {
    for (const number of ["261126-AAAAAA", "nonsense", "..%2f..", "%00"])
      expect((await clerk.get(`/staff/till/receipts/${number}`)).status).toBe(404);
    expect((await clerk.post("/staff/till/receipts/261126-AAAAAA")).status).toBe(404);
    expect((await clerk.get("/staff/receive/delivery?reference=none")).status).toBe(404);
    expect((await clerk.get("/staff/receive/delivery")).status).toBe(422);
  });

  test("a delivery is added once, and cannot bring in what costs nothing or has no room", async () => {
    const [one, free, full] = [
      await stocked({ stock: 0 }),
      await stocked({ price: 0, stock: 0 }),
      await stocked({ stock: 2_147_483_647 }),
    ];
    const note: Fields = [["reference", "note 12"]];
    const refused = await save([...line(free.isbn, "1"), ...line(full.isbn, "1"), ...note], "/staff/receive");
    expect([refused.status, faultsIn(refused)]).toEqual([
      422,
      [
        "Must not give stock to a book with a price of 0.",
        "Must leave the stock, now 2147483647, at 2147483647 or less.",
      ],
    ]);
    const page = await scan(one.isbn, note, "/staff/receive");
    const saved = [await save(page, "/staff/receive"), await save(page, "/staff/receive")];
    expect(saved.map(locationOf)).toEqual(Array(2).fill("/staff/receive/delivery?reference=note+12"));
    expect(await stockOf(one)).toBe(1);
    const other = await save([...fieldsOf(page), ...line(free.isbn, "1")], "/staff/receive");
    expect([other.status, textOf(other)]).toEqual([422, expect.stringContaining("already saved")]);
    const long = await save([...line(one.isbn, "1"), ["reference", "n".repeat(101)]], "/staff/receive");
    expect(faultsIn(long)).toEqual(["Must have 100 characters or fewer"]);
  });

  test("only editors are led to the form for a new book", async () => {
    const link = `/staff/books/new?isbn=${UNKNOWN}&amp;to=%2Fstaff%2Freceive`;
    expect((await scan(UNKNOWN, [], "/staff/receive")).html).not.toContain(link);
    const editor = await signIn(url, "editor");
    expect((await editor.post("/staff/receive", [["scan", UNKNOWN]])).html).toContain(link);
  });

  const linesOf = (page: Shown) => fieldsOf(page).filter(([name]) => name === "isbn").length;
  const count = (isbn: string, counted: string, page: Shown | Fields = []) =>
    post("/staff/count", page, ["scan", isbn], ["count", counted]);

  test("a count sets the stock, and its differences are those of the ledger, whatever is sent again", async () => {
    const [one, same] = [await stocked({ title: "One" }), await stocked({ title: "Same" })];
    let page = await count(one.isbn, "12");
    expect(textOf(page)).toContain(
      "One: 12, 9 more than expected. Book Before Counted Difference One Frank Herbert 3 +9",
    );
    page = await count(one.isbn, "12", page);
    expect(textOf(page)).toContain("Frank Herbert 3 +9");
    page = await count(same.isbn, "3", page);
    expect(textOf(page)).toMatch(
      /Same: 3, as expected\. Book Before Counted Difference One Frank Herbert 3 \+9 Finish/,
    );
    page = await count(one.isbn, "2", page);
    expect(textOf(page)).toContain("Frank Herbert 3 −1");
    expect([await stockOf(one), await stockOf(same)]).toEqual([2, 3]);
    expect(await movementsOf(same)).toHaveLength(1);
    const corrected = fieldsOf(page).map(([name, value]): [string, string] => [
      name,
      name === "quantity" ? "3" : value,
    ]);
    expect(textOf(await post("/staff/count", corrected))).toContain("Scan a book, then type");
    expect(await stockOf(one)).toBe(3);
  });

  test("a scan without a count asks for it, and does not say how many there should be", async () => {
    const one = await stocked({ title: "One", stock: 77 });
    const page = await count(one.isbn, "");
    expect([page.status, textOf(page)]).toEqual([200, expect.stringContaining("One: how many are there?")]);
    expect(textOf(page)).not.toContain("77");
    expect(page.html).toContain(`name="scan" value="${one.isbn}"`);
    expect(textOf(await count(UNKNOWN, ""))).toContain(`${UNKNOWN} names no book.`);
    expect(textOf(await count("978030", ""))).toContain("978030 must be a valid ISBN-10 or ISBN-13.");
  });

  test.each<[string, string, string, string]>([
    ["decimals", "", "2,5", "Must be a whole number."],
    ["a negative number", "", "-1", "Must be 0 or more."],
    ["more than there can be", "", "2147483648", "Must be 2147483647 or less."],
    ["words", "", "many", "Must be a whole number."],
    ["a number, of no book", UNKNOWN, "3", "Names no book."],
    ["a number, of half an ISBN", "978030", "3", "Must be a valid ISBN-10 or ISBN-13."],
  ])("a count of %s stays in its line, with the fault", async (_, isbn, counted, fault) => {
    const one = await stocked();
    const page = await count(isbn || one.isbn, counted);
    expect([page.status, faultsIn(page)]).toEqual([422, [fault]]);
    expect(fieldsOf(page)).toContainEqual(["quantity", counted]);
    expect(await stockOf(one)).toBe(3);
    const removed = await post("/staff/count", page, ["remove", isbn || one.isbn]);
    expect([removed.status, faultsIn(removed)]).toEqual([200, []]);
  });

  test("a count is not finished while a line of it is refused", async () => {
    const one = await stocked();
    const page = await count(one.isbn, "many", await count((await stocked()).isbn, "5"));
    const refused = await post("/staff/count", page, ["action", "finish"]);
    expect([refused.status, faultsIn(refused)]).toEqual([422, ["Must be a whole number."]]);
    const finished = await post("/staff/count", page, ["remove", one.isbn], ["action", "finish"]);
    expect([finished.status, locationOf(finished)]).toEqual([303, "/staff/count"]);
  });

  test("a count with more differences than a form has lines goes on with those that have room, and says so", async () => {
    const isbns = await many(600_000, MAX_LINES);
    const started = fieldsOf(await clerk.get("/staff/count"));
    const [[, reference] = []] = started;
    const lines = isbns.map((isbn) => ({ isbn, delta: 1 }));
    await api("POST", "/api/v1/stock", { body: { lines, reason: "count", reference } });
    const full = await post("/staff/count", started);
    expect([linesOf(full), textOf(full)]).toEqual([MAX_LINES, expect.not.stringContaining("Older")]);
    const wrong = await count(UNKNOWN, "3", full);
    expect([linesOf(wrong), faultsIn(wrong)]).toEqual([MAX_LINES, ["Names no book."]]);
    expect(textOf(wrong)).toContain("Older differences are not listed.");
    const one = await stocked();
    const counted = await count(one.isbn, "7", wrong);
    expect([linesOf(counted), await stockOf(one)]).toEqual([MAX_LINES, 7]);
    const removed = await post("/staff/count", counted, ["remove", UNKNOWN]);
    expect([removed.status, linesOf(removed)]).toEqual([200, MAX_LINES]);
    expect((await post("/staff/count", removed, ["action", "finish"])).status).toBe(303);
  });

  test("a count that is refused has no line if all lines are refused, but it is told, and the count goes on", async () => {
    const isbns = Array.from({ length: MAX_LINES }, (_, at) => isbnOf(700_000 + at));
    const full = await post(
      "/staff/count",
      isbns.flatMap((isbn) => line(isbn, "many")),
    );
    const more = await count(UNKNOWN, "3", full);
    expect([more.status, linesOf(more)]).toEqual([422, MAX_LINES]);
    expect(textOf(more)).toContain(`${UNKNOWN} names no book.`);
    expect(linesOf(await post("/staff/count", more, ["remove", `${isbns[0]}`]))).toBe(MAX_LINES - 1);
  });

  test("a book that costs nothing cannot be counted into the stock", async () => {
    const free = await stocked({ price: 0, stock: 0 });
    expect(faultsIn(await count(free.isbn, "1"))).toEqual([
      "Must not give stock to a book with a price of 0.",
    ]);
  });

  test("a scan takes one round trip, however many lines there are, and a sale takes two", async () => {
    const last = () => JSON.parse(server.logs().at(-1) ?? "{}");
    const page = await scan((await stocked()).isbn, await scan((await stocked()).isbn));
    await expect.poll(last).toMatchObject({ route: "/staff/till", db_round_trips: 1 });
    await save(page);
    await expect.poll(last).toMatchObject({ status: 303, db_round_trips: 2 });
  });

  test("a form of another session changes nothing", async () => {
    const one = await stocked();
    const other = await signIn(url);
    for (const path of ["/staff/till", "/staff/receive", "/staff/count"]) {
      const fields = [["form_token", other.formToken], ...line(one.isbn, "1"), ["action", "save"]];
      const response = await fetch(url + path, {
        method: "POST",
        headers: { Cookie: clerk.cookie },
        body: new URLSearchParams(fields),
        redirect: "manual",
      });
      expect(response.status).toBe(403);
    }
    expect(await stockOf(one)).toBe(3);
  });
});

describe("where a point separates thousands", () => {
  test("numbers are read and written as the shop has them", async () => {
    const database = await createTestDatabase();
    const shop = { SHOP_LOCALE: "de-DE", SHOP_CURRENCY: "EUR" };
    const { url } = await startServer("node", database, { ...STAFF_VARIABLES, ...shop });
    const clerk = await signIn(url);
    const api = await createClient(url, await tokenFor("editor"));
    const book = newBook({ stock: 5000 });
    await api("POST", "/api/v1/books", { body: book });
    const totalFor = async (quantity: string) => {
      const page = await clerk.post("/staff/till", [
        ["isbn", book.isbn],
        ["quantity", quantity],
      ]);
      return faultsIn(page)[0] ?? textOf(page).match(/books? (\S+)/)?.[1];
    };
    expect(await totalFor("1.000")).toBe("9.990,00");
    expect(await totalFor("1000")).toBe("9.990,00");
    expect(await totalFor("2,0")).toBe("19,98");
    expect(await totalFor("2,5")).toBe("Must be a whole number.");
    expect(await totalFor("2.5")).toBe("Must be a whole number.");
  });
});

const RECEIPT = /^\/staff\/till\/receipts\/\d{6}-[0-9A-Z]{6}$/;
