/** Imports at the counter: by a form without a script, and as the script uploads them, on the three runtimes. */
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";

const GERMAN = { ...STAFF_VARIABLES, SHOP_LOCALE: "de-DE", SHOP_CURRENCY: "EUR" };
const PATH = "/staff/books/import";

let database: TestDatabase;
let next = 1000;

beforeAll(async () => {
  database = await createTestDatabase();
});

/** A file of one good row, and one that is refused. */
function mixed() {
  const isbn = isbnOf(next++);
  return { isbn, csv: `isbn,title,author,price,stock\n${isbn},Good,Ann,5,1\n123,=Bad,Ann,5,1\n` };
}

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;
  let editor: Clerk;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, { ...GERMAN, IMPORT_MAX_BYTES: "1000000" }));
    editor = await signIn(url, "editor", `importer-${runtime}`);
  });

  const send = (file: string | Uint8Array<ArrayBuffer>, fields: Record<string, string>) => {
    const form = new FormData();
    form.append("file", new Blob([file]), "books.csv");
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    return editor.post(PATH, form);
  };

  const upload = (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream,
    query = "dry_run=false",
    headers: Record<string, string> = {},
  ) =>
    fetch(`${url}${PATH}/file?${query}`, {
      method: "POST",
      body,
      duplex: "half",
      headers: {
        Accept: "application/json",
        Cookie: editor.cookie,
        "Content-Type": "application/octet-stream",
        "X-Form-Token": editor.formToken,
        ...headers,
      },
    } as RequestInit);

  const titleOf = async (isbn: string) =>
    (await database.sql<{ title: string }>("select title from books where isbn = $1", [isbn]))[0]?.title;

  const countIn = (html: string, name: string) => html.match(new RegExp(`data-count="${name}">(\\d+)<`))?.[1];

  test("a form is checked before, and changes nothing then", async () => {
    const { isbn, csv } = mixed();
    const checked = await send(csv, { action: "check" });
    expect([checked.status, countIn(checked.html, "created"), countIn(checked.html, "refused")]).toEqual([
      200,
      "1",
      "1",
    ]);
    expect(checked.html).toContain("Checked: nothing was changed yet");
    expect(await titleOf(isbn)).toBeUndefined();
    const imported = await send(csv, { action: "import" });
    expect(imported.html).toContain("Imported");
    expect(imported.html).toContain("isbn must be a valid ISBN-10 or ISBN-13");
    const [, file = ""] = imported.html.match(/href="data:text\/csv;charset=utf-8,([^"]+)"/) ?? [];
    expect(decodeURIComponent(file)).toBe(
      "\ufeffrow,isbn,reason\r\n2,,isbn must be a valid ISBN-10 or ISBN-13\r\n",
    );
    expect(await titleOf(isbn)).toBe("Good");
  });

  test("the default price is in the shop's numbers", async () => {
    const isbn = isbnOf(next++);
    const { status } = await send(`isbn,title,author\n${isbn},A,B\n`, {
      action: "import",
      default_price: "12,50",
    });
    expect(status).toBe(200);
    const [row] = await database.sql("select price from books where isbn = $1", [isbn]);
    expect(row).toEqual({ price: "12.50" });
  });

  test.each<[what: string, file: string | Uint8Array<ArrayBuffer>, sentence: string]>([
    ["text", "Just a letter.\nNothing else.\n", "No column is named like an ISBN"],
    ["a picture", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]), "ISBN"],
    ["a spreadsheet", new Uint8Array([0x50, 0x4b, 3, 4, 20, 0, 6, 0]), "spreadsheet or an archive"],
    ["a page", "<!doctype html><html><body>ISBN</body></html>", "not well-formed XML"],
    ["XML that breaks off", '<ONIXMessage release="3.0"><Product>', "ends before its last element"],
  ])("%s is no catalogue, and the form says so", async (_, file, sentence) => {
    const { status, html } = await send(file, { action: "import" });
    expect([status, html.includes("The import ended early")]).toEqual([422, false]);
    const [, note = ""] = html.match(/id="file-fault" class="fault">([^<]+)</) ?? [];
    expect(note).toContain(sentence);
    const uploaded = await upload(file);
    const { message } = await uploaded.json();
    expect(uploaded.status).toBe(422);
    expect(note).toBe(
      message
        .replaceAll('"', "&quot;")
        .replaceAll("<", "&lt;")
        .replaceAll(">", "&gt;")
        .replaceAll("'", "&#39;"),
    );
  });

  test("a file and a price are asked for at their fields", async () => {
    const none = await editor.post(PATH, { action: "import", default_price: "1,234" });
    expect(none.status).toBe(422);
    expect(none.html).toContain('id="file-fault" class="fault">Is required<');
    expect(none.html).toContain(
      'id="default_price-fault" class="fault">Must be 1234 or 1,23: its mark could mean either<',
    );
    expect(none.html).toContain('value="1,234"');
    for (const price of ["-1", "x", "1e9", "100000000"]) {
      const uploaded = await upload(mixed().csv, `dry_run=true&default_price=${price}`);
      const { details } = await uploaded.json();
      expect([uploaded.status, details[0].path]).toEqual([422, "default_price"]);
    }
  });

  test("an upload is reported line by line", async () => {
    const { isbn, csv } = mixed();
    const checked = await upload(csv, "dry_run=true");
    expect([checked.status, checked.headers.get("Content-Type")]).toEqual([200, "application/x-ndjson"]);
    expect(await titleOf(isbn)).toBeUndefined();
    const lines = (await (await upload(csv)).text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ created: 1, refused: 1, dry_run: false });
    expect(lines.find(({ row }) => row)).toMatchObject({ row: 2, isbn: null });
    expect(await titleOf(isbn)).toBe("Good");
  });

  test("each format is recognized, compressed too", async () => {
    const isbn = isbnOf(next++);
    const book = JSON.stringify({ isbn, title: "One", author: "A", price: 1 });
    expect((await upload(`${book}\n`)).status).toBe(200);
    expect(await titleOf(isbn)).toBe("One");
    const packed = new Uint8Array(gzipSync(`isbn;title\n${isbn};Two\n`));
    expect((await upload(packed, "dry_run=false", { "Content-Encoding": "gzip" })).status).toBe(200);
    expect(await titleOf(isbn)).toBe("Two");
  });

  test.each<[what: string, headers: Record<string, string>, status: number]>([
    ["no token", { "X-Form-Token": "" }, 403],
    ["a forged token", { "X-Form-Token": "x" }, 403],
    ["a forged origin", { Origin: "https://evil.example" }, 403],
    ["no session", { Cookie: "" }, 401],
    ["another type", { "Content-Type": "text/csv" }, 415],
    ["a form's type", { "Content-Type": "application/x-www-form-urlencoded" }, 415],
  ])("an upload with %s is refused", async (_, headers, status) => {
    const { isbn, csv } = mixed();
    expect((await upload(csv, "dry_run=false", headers)).status).toBe(status);
    expect(await titleOf(isbn)).toBeUndefined();
  });

  test("whoever imports a file has to wait with another, here and in the API", async () => {
    const { isbn, csv } = mixed();
    let end = () => {};
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(csv));
        end = () => controller.close();
      },
    });
    const first = upload(body);
    await expect.poll(async () => (await send(csv, { action: "check" })).status).toBe(429);
    const { status, html } = await send(csv, { action: "check" });
    expect([status, html.includes("Another import of yours is running.")]).toEqual([429, true]);
    expect((await upload(csv)).status).toBe(429);
    end();
    expect((await first).status).toBe(200);
    expect(await titleOf(isbn)).toBe("Good");
  });

  test("what is too large is refused", async () => {
    const { csv } = mixed();
    expect((await upload(csv + "x".repeat(1_000_000))).status).toBe(413);
    expect((await send("x".repeat(11 * 1024 * 1024), { action: "check" })).status).toBe(413);
  });

  test.each(["dry_run=maybe", "dry_run=true&dry_run=true"])("the query %s is refused", async (query) => {
    expect((await upload(mixed().csv, query)).status).toBe(422);
  });
});
