/** Books and tasks at the counter in Chromium: uploads with their progress, changes side by side, and the keyboard alone. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { CHROMIUM, startBrowser } from "../support/browser.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { eventually, type ShopBrowser, shopBrowser } from "../support/shop-browser.ts";
import { type Clerk, STAFF_VARIABLES, signIn } from "../support/staff.ts";

let database: TestDatabase;
let next = 2000;

/** The script is the same on every runtime, so two of them get a short form of the tests. */
describe.skipIf(!CHROMIUM).each(RUNTIMES)("in Chromium, on %s", (runtime) => {
  const onWorkerd = test.runIf(runtime === "workerd");
  let url: string;
  let shop: ShopBrowser;
  let editor: Clerk;

  beforeAll(async () => {
    database ??= await createTestDatabase();
    ({ url } = await startServer(runtime, database, STAFF_VARIABLES));
    shop = shopBrowser(await startBrowser(), url);
    editor = await signIn(url, "editor", `shelf-${runtime}`);
  });

  const open = (path: string, options: object = {}) =>
    shop.open(path, { storageState: editor.storageState, ...options });

  const bookOf = async (isbn: string) =>
    (
      await database.sql<{ id: string; title: string; stock: number }>(
        "select * from books where isbn = $1",
        [isbn],
      )
    )[0];

  const drop = (page: Page, name: string, text: string) =>
    page.evaluate(
      ([name = "", text = ""]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([text], name));
        for (const type of ["dragover", "drop"])
          document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
      },
      [name, text],
    );

  test("a file that is dropped is checked, then imported, and its refused rows are a file", async () => {
    const page = await open("/staff/books/import");
    const isbn = isbnOf(next++);
    await drop(page, "books.csv", `isbn,title,author,price\n${isbn},Dropped,Ann,5\n12,x,y,5\n`);
    await page.getByRole("heading", { name: "Checked: nothing was changed yet" }).waitFor();
    expect(await page.locator("[data-count=created]").textContent()).toBe("1");
    expect(await bookOf(isbn)).toBeUndefined();
    await page.getByRole("button", { name: "Import" }).click();
    await page.getByRole("heading", { name: "Imported", exact: true }).waitFor();
    expect((await bookOf(isbn))?.title).toBe("Dropped");
    expect(await page.getByRole("cell", { name: "isbn must be a valid" }).count()).toBe(1);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download them" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("refused.csv");
    expect(await readFile(await download.path(), "utf8")).toBe(
      "\ufeffrow,isbn,reason\r\n2,,isbn must be a valid ISBN-10 or ISBN-13\r\n",
    );
  });

  test("a large file shows its progress and its counts, and can be cancelled", async () => {
    const page = await open("/staff/books/import");
    const network = await page.context().newCDPSession(page);
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 3_000_000 };
    await network.send("Network.emulateNetworkConditions", slow);
    await page.evaluate(() => {
      const seen: { progress: number[]; counts: number[] } = { progress: [], counts: [] };
      Object.assign(globalThis, { seen });
      const progress = document.querySelector("progress") as HTMLProgressElement;
      const count = document.querySelector("[data-count=unchanged]") as HTMLElement;
      const watch = () => {
        seen.progress.push(progress.value);
        seen.counts.push(Number(count.textContent));
      };
      new MutationObserver(watch).observe(document.body, {
        subtree: true,
        attributes: true,
        childList: true,
      });
    });
    const isbn = isbnOf(next++);
    await database.sql("insert into books (title, author, isbn, price) values ('Same', 'A', $1, 1)", [isbn]);
    const rows = `${isbn},Same,A,1,${"x".repeat(400)}\n`.repeat(12_000);
    await drop(page, "large.csv", `isbn,title,author,price,comment\n${rows}`);
    await page.getByRole("heading", { name: "Checked: nothing was changed yet" }).waitFor();
    const seen = await page.evaluate(() => (globalThis as never as { seen: Record<string, number[]> }).seen);
    const between = (values: number[] = [], end: number) =>
      values.filter((value) => value > 0 && value < end);
    expect(between(seen.progress, 1).length).toBeGreaterThan(0);
    expect(await page.getByText("11999 rows have an ISBN that came before").count()).toBe(1);
    await drop(page, "large.csv", `isbn,title,author,price,comment\n${rows}`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("You cancelled it.").waitFor();
    expect(await page.getByRole("button", { name: "Check" }).isEnabled()).toBe(true);
    await network.detach();
  });

  onWorkerd(
    "what is wrong with a file, a price or a connection is told, and can be tried again",
    async () => {
      const page = await open("/staff/books/import");
      await page.getByRole("button", { name: "Check" }).click();
      const faultOf = (name: string, fault: string) =>
        eventually(() =>
          page.locator(`#${name}[aria-describedby=${name}-fault] ~ .fault`).allTextContents(),
        ).toEqual([expect.stringContaining(fault)]);
      await faultOf("file", "Is required");
      await drop(page, "letter.txt", "Dear reader,\n");
      await faultOf("file", "No column is named like an ISBN");
      await page.getByLabel("Price of new books").fill("1.234");
      const isbn = isbnOf(next++);
      await drop(page, "books.csv", `isbn,title,author\n${isbn},Priced,Ann\n`);
      await faultOf("default_price", "Must be 1234 or 1.23: its mark could mean either");
      expect(await page.locator("[aria-invalid]").count()).toBe(1);
      expect(await page.locator("#report").isVisible()).toBe(false);
      await page.getByLabel("Price of new books").fill("1.23");
      await page.route("**/import/file?*", (route) => route.abort());
      await page.getByRole("button", { name: "Check" }).click();
      await page.getByText("The connection broke.").waitFor();
      await page.unroute("**/import/file?*");
      await page.context().clearCookies();
      await page.getByRole("button", { name: "Check" }).click();
      await page.getByText("This page requires that you sign in.").waitFor();
      await page.context().addCookies(editor.storageState.cookies);
      await page.getByRole("button", { name: "Import" }).click();
      await page.getByRole("heading", { name: "Imported", exact: true }).waitFor();
      expect(await bookOf(isbn)).toMatchObject({ title: "Priced", price: "1.23" });
    },
  );

  onWorkerd("a file that has gone meanwhile is told", async () => {
    const folder = await mkdtemp(join(tmpdir(), "octavo-upload-"));
    const path = join(folder, "books.csv");
    await writeFile(path, `isbn,title,author,price\n${isbnOf(next++)},Here,Ann,5\n`);
    const page = await open("/staff/books/import");
    await page.getByLabel("The file").setInputFiles(path);
    await page.getByRole("heading", { name: "Checked: nothing was changed yet" }).waitFor();
    await rm(folder, { recursive: true });
    await page.getByRole("button", { name: "Check" }).click();
    await page.getByText("The file cannot be read.").waitFor();
    expect(await page.getByRole("button", { name: "Check" }).isEnabled()).toBe(true);
  });

  onWorkerd("a change that came between is chosen by keyboard", async () => {
    const isbn = isbnOf(next++);
    await database.sql(
      "insert into books (title, author, isbn, price, stock) values ('Old', 'A', $1, 5, 3)",
      [isbn],
    );
    const id = (await bookOf(isbn))?.id;
    const page = await open(`/staff/books/${id}`);
    await page.getByLabel("Title").fill("Mine");
    await database.sql("update books set title = 'Theirs', stock = 2 where isbn = $1", [isbn]);
    await page.getByLabel("Title").press("Enter");
    await page.getByRole("alert").waitFor();
    await page.getByRole("button", { name: "Save" }).press("Enter");
    expect((await bookOf(isbn))?.title).toBe("Theirs");
    await page.getByLabel("Yours").focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await page.getByText("The changes were saved.").waitFor();
    expect(await bookOf(isbn)).toMatchObject({ title: "Mine", stock: 2 });
  });

  onWorkerd("a book is added, found and deleted, without a script too", async () => {
    for (const javaScriptEnabled of [true, false]) {
      const page = await open("/staff/books", { javaScriptEnabled });
      await page.getByRole("link", { name: "Add a book" }).click();
      const isbn = isbnOf(next++);
      await page.getByLabel("Title").fill(`Added ${isbn}`);
      await page.getByLabel("Author").fill("Ann");
      await page.getByLabel("ISBN").fill(isbn);
      await page.getByLabel("Price").fill("12,50");
      await page.getByRole("button", { name: "Add the book" }).click();
      await page.getByText("The book was added.").waitFor();
      await page.getByRole("link", { name: "All books" }).click();
      await page.getByRole("searchbox").fill(isbn);
      await page.getByRole("searchbox").press("Enter");
      await page.getByRole("link", { name: `Added ${isbn}` }).click();
      await page.getByRole("link", { name: "Delete this book" }).click();
      await page.getByRole("button", { name: "Delete the book" }).click();
      await page.getByText("was deleted").waitFor();
      expect(await bookOf(isbn)).toBeUndefined();
    }
  });

  onWorkerd("a task is ticked off by keyboard, without a script too", async () => {
    for (const javaScriptEnabled of [true, false]) {
      const title = `Call ${runtime} ${javaScriptEnabled}`;
      const page = await open("/staff/tasks", { javaScriptEnabled });
      await page.getByLabel("A new task").fill(title);
      await page.getByLabel("A new task").press("Enter");
      await page.getByRole("checkbox", { name: title, checked: false }).press("Space");
      await eventually(() => page.getByRole("checkbox", { name: title }).count()).toBe(0);
      await page.getByRole("link", { name: "Done" }).click();
      await page.getByRole("checkbox", { name: title, checked: true }).waitFor();
      await page.getByRole("button", { name: `Delete ${title}` }).press("Enter");
      await eventually(() => page.getByText(title).count()).toBe(0);
    }
  });

  test("a form without a script imports, too", async () => {
    const page = await open("/staff/books/import", { javaScriptEnabled: false });
    const isbn = isbnOf(next++);
    const buffer = Buffer.from(`isbn,title,author,price\n${isbn},Sent,Ann,5\n`);
    await page.getByLabel("The file").setInputFiles({ name: "a.csv", mimeType: "text/csv", buffer });
    await page.getByRole("button", { name: "Import" }).click();
    await page.getByRole("heading", { name: "Imported", exact: true }).waitFor();
    expect((await bookOf(isbn))?.title).toBe("Sent");
  });

  test("no page made the browser complain", () => {
    expect(shop.complaints).toEqual([]);
  });
});
