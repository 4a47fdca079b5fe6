/** Counting: each count is saved as it is typed, and the differences are those of the ledger. */
import { MissingFault, type VersionDemand } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import { textOf } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import { MAX_LINES, StockCount } from "../stock/contract.ts";
import { readEntries } from "../stock/movements.ts";
import { ZERO_PRICE } from "../stock/refusals.ts";
import { countStock, StockFault } from "../stock/store.ts";
import { type Count, CountPage } from "./count-page.tsx";
import type { Desk } from "./desk.ts";
import type { Numbers } from "./numbers.ts";
import { type BookEntry, byBook } from "./receipt-entries.ts";
import { type Staff, seeOther } from "./staff.ts";
import * as contract from "./stock-contract.ts";
import {
  addBooks,
  CartLine,
  checkLine,
  isWrong,
  type Line,
  lineOf,
  newNumber,
  readLines,
  readNumber,
  type Said,
  saidOfFault,
} from "./till-cart.ts";

const REASON = "count";
const CountLine = CartLine.extend({ quantity: StockCount.shape.stock });

export function countRoutes(api: Api, staff: Staff, numbers: Numbers): void {
  const write = (desk: Desk, count: Count) => {
    const isFine = (count.said?.tone ?? "scanned") === "scanned" && count.refused.length === 0;
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
      hasOlder: false,
    }),
  );

  // A count that is sent again sets the stock to the same number, so that no redirect has to prevent it.
  api.page(contract.changeCount, async ({ form, url, preconditions }, context) => {
    const desk = await staff.deskOf(url, context.session);
    const number = readNumber(form);
    const scanned = textOf(form, "scan").trim();
    const lines = linesToSave(form);
    const isWaiting = scanned !== "" && textOf(form, "count").trim() === "";
    const save = { number, numbers, demand: versionDemand(preconditions) };
    for (const line of lines) await saveCount(line, save, context);
    // The scan is the first line. If it has no room, the page still says what is wrong with it.
    const refused = lines.filter(isWrong).slice(-MAX_LINES);
    if (textOf(form, "action") === "finish" && scanned === "" && refused.length === 0)
      return seeOther(contract.showCount.path);
    const all = byBook(await readEntries(context.database, number), REASON);
    // While its count is missing, a book is known by its ISBN alone.
    const last = isWaiting ? lineOf(scanned, "0") : lines[0];
    if (isWaiting && last) checkLine(last, CountLine, numbers);
    await addBooks(last ? [last, ...refused] : refused, context.database);
    const differences = all.filter(
      ({ isbn, delta }) => delta !== 0 && !refused.some((line) => line.isbn === isbn),
    );
    // The page sends each line back, and a form takes no more than these.
    const room = MAX_LINES - refused.length;
    return write(desk, {
      number,
      scanned: isWaiting ? scanned : "",
      refused,
      differences: differences.slice(0, room),
      hasOlder: differences.length > room,
      said: last && saidOf(last, isWaiting ? undefined : differenceIn(all, last)),
    });
  });
}

/** By how much a count differs from the stock before it. */
const differenceIn = (entries: BookEntry[], line: Line): number =>
  entries.find(({ isbn }) => isbn === line.isbn)?.delta ?? 0;

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
  numbers: Numbers;
  demand: VersionDemand;
}

/** Saves a count, or adds to the line why that is not possible. */
async function saveCount(
  line: Line,
  { number, numbers, demand }: Save,
  { database, actor }: HandlerContext,
): Promise<void> {
  const stock = checkLine(line, CountLine, numbers);
  if (isWrong(line)) return;
  const { isbn } = line;
  try {
    await countStock(database, { isbn }, { stock, reason: REASON, reference: number }, actor, demand);
  } catch (fault) {
    if (fault instanceof MissingFault) line.faults.isbn = "names no book";
    else if (fault instanceof StockFault) line.faults.quantity = ZERO_PRICE;
    else throw fault;
  }
}

/** Whoever counts is not told the stock before, because it would be too easy to find just that. */
function saidOf(line: Line, difference: number | undefined): Said {
  const { quantity, book } = line;
  const wrong = saidOfFault(line);
  if (wrong) return wrong;
  const name = book?.title;
  if (difference === undefined) return { tone: "scanned", text: `${name}: how many are there?` };
  if (difference === 0) return { text: `${name}: ${quantity}, as expected.` };
  const told = `${Math.abs(difference)} ${difference > 0 ? "more" : "fewer"}`;
  return { text: `${name}: ${quantity}, ${told} than expected.` };
}
