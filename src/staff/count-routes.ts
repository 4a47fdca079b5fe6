/** Counting: each count is saved as it is typed, and the differences are those of the ledger. */
import * as z from "zod";
import { isbn } from "../books/book.ts";
import { readBooksOnSale } from "../books/store.ts";
import { MissingFault, type VersionDemand } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import { textOf } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import { faultsOf, NO_MESSAGE } from "../http/validate.ts";
import type { Writer } from "../pages/words.ts";
import { StockCount } from "../stock/contract.ts";
import { readEntries } from "../stock/movements.ts";
import { ZERO_PRICE } from "../stock/refusals.ts";
import { countStock, StockFault } from "../stock/store.ts";
import { type Count, CountPage } from "./count-page.tsx";
import { byBook } from "./receipt-entries.ts";
import { type Desk, type Staff, seeOther } from "./staff.ts";
import * as contract from "./stock-contract.ts";
import { type Line, lineOf, newNumber, readLines, readNumber, type Said } from "./till-cart.ts";

const REASON = "count";
const CountSchema = z.object({ isbn: isbn(), quantity: StockCount.shape.stock });

/** So many differences are listed; the ledger has all of them. */
const MAX_DIFFERENCES = 200;

export function countRoutes(api: Api, staff: Staff): void {
  const write = (desk: Desk, count: Count) => {
    const isFine = (count.said.tone ?? "scanned") === "scanned" && count.refused.length === 0;
    return staff.write(desk, { title: "Count", place: "count", status: isFine ? 200 : 422 }, () =>
      CountPage({ desk, count }),
    );
  };

  api.page(contract.showCount, async ({ url }, { session }) =>
    write(await staff.deskOf(url, session), {
      number: newNumber(),
      scanned: "",
      refused: [],
      differences: [],
      said: { text: "" },
    }),
  );

  // A count that is sent again sets the stock to the same number, so that no redirect has to prevent it.
  api.page(contract.changeCount, async ({ form, url, preconditions }, context) => {
    if (textOf(form, "action") === "finish" && textOf(form, "scan") === "")
      return seeOther(contract.showCount.path);
    const desk = await staff.deskOf(url, context.session);
    const number = readNumber(form);
    const scanned = textOf(form, "scan").trim();
    const lines = linesToSave(form);
    const isWaiting = scanned !== "" && textOf(form, "count").trim() === "";
    const save = { number, writer: desk.site.writer, demand: versionDemand(preconditions) };
    for (const line of lines) await saveCount(line, save, context);
    const all = byBook(await readEntries(context.database, number), REASON);
    const last = isWaiting ? lineOf(scanned, "") : lines[0];
    const refused = lines.filter(({ faults }) => faults.isbn ?? faults.quantity);
    await addBooks([...refused, ...(last ? [last] : [])], context);
    return write(desk, {
      number,
      scanned: isWaiting ? scanned : "",
      refused,
      differences: all.filter(({ delta }) => delta !== 0).slice(0, MAX_DIFFERENCES),
      said: last ? saidOf(last, all.find((entry) => entry.isbn === last.isbn)?.delta ?? 0) : { text: "" },
    });
  });
}

/** The count that was typed, and those of the list that were changed since they were saved. */
function linesToSave(form: FormData): Line[] {
  const saved = form.getAll("saved");
  const removed = textOf(form, "remove");
  const scanned = lineOf(textOf(form, "scan"), textOf(form, "count"));
  const changed = readLines(form).filter(
    ({ isbn, quantity }, at) => quantity !== saved[at] && isbn !== removed && isbn !== scanned.isbn,
  );
  return scanned.isbn !== "" && scanned.quantity !== "" ? [scanned, ...changed] : changed;
}

interface Save {
  number: string;
  writer: Writer;
  demand: VersionDemand;
}

/** Saves a count, or adds to the line why that is not possible. */
async function saveCount(
  line: Line,
  { number, writer, demand }: Save,
  { database, actor }: HandlerContext,
): Promise<void> {
  const given = { isbn: line.isbn, quantity: writer.number(line.quantity) };
  const parsed = CountSchema.safeParse(given, NO_MESSAGE);
  for (const { path, message } of faultsOf("body", given, parsed))
    line.faults[path as "isbn" | "quantity"] ??= message;
  if (!parsed.success) return;
  const { isbn, quantity: stock } = parsed.data;
  try {
    await countStock(database, { isbn }, { stock, reason: REASON, reference: number }, actor, demand);
  } catch (fault) {
    if (fault instanceof MissingFault) line.faults.isbn = "names no book";
    else if (fault instanceof StockFault) line.faults.quantity = ZERO_PRICE;
    else throw fault;
  }
}

async function addBooks(lines: Line[], { database }: HandlerContext): Promise<void> {
  const isbns = lines.map(({ isbn }) => isbn).filter((text) => isbn().safeParse(text).success);
  const books = await readBooksOnSale(database, isbns);
  for (const line of lines) line.book = books.get(line.isbn);
}

/** Whoever counts is not told the stock before, because it would be too easy to find just that. */
function saidOf({ isbn: given, quantity, book, faults }: Line, difference: number): Said {
  const fault = faults.isbn ?? (quantity === "" ? unknown(given, book) : undefined);
  if (fault)
    return { tone: isbn().safeParse(given).success ? "unknown" : "refused", text: `${given} ${fault}.` };
  const name = book?.title ?? given;
  if (faults.quantity) return { tone: "refused", text: `${name}: ${faults.quantity}.` };
  if (quantity === "") return { tone: "scanned", text: `${name}: how many are there?` };
  const told =
    difference === 0
      ? "as expected"
      : `${Math.abs(difference)} ${difference > 0 ? "more" : "fewer"} than expected`;
  return { text: `${name}: ${quantity}, ${told}.` };
}

function unknown(text: string, book: Line["book"]): string | undefined {
  if (book) return undefined;
  return isbn().safeParse(text).success ? "names no book" : "must be a valid ISBN-10 or ISBN-13";
}
