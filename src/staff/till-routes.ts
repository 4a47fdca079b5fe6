/** The till and goods in: a form of lines that grows by scans, and becomes one transaction. */
import { parseIsbn } from "../books/isbn.ts";
import { readBooksOnSale } from "../books/store.ts";
import { MismatchFault } from "../db/idempotency.ts";
import type { Api } from "../http/api.ts";
import { textOf } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import { claimUnder } from "../http/idempotency-key.ts";
import type { AnyReply } from "../http/reply.ts";
import { MAX_LINES } from "../stock/contract.ts";
import { readEntries } from "../stock/movements.ts";
import { errorOfLine } from "../stock/refusals.ts";
import { changeStock, LinesFault, type RefusedLine } from "../stock/transactions.ts";
import { type Desk, type Staff, seeOther } from "./staff.ts";
import { type Cart, check, hasFaults, newCart, newNumber, readCart, scan, totalOf } from "./till-cart.ts";
import { type Kind, shortage } from "./till-kinds.ts";
import { CartPage } from "./till-page.tsx";

export function cartRoutes(api: Api, staff: Staff, kind: Kind): void {
  const write = (desk: Desk, cart: Cart, quantities: number[]): AnyReply => {
    const isRefused = hasFaults(cart) || (cart.said.tone ?? "scanned") !== "scanned";
    const { title, place } = kind;
    return staff.write(desk, { title, place, status: isRefused ? 422 : 200 }, () =>
      CartPage({ desk, kind, cart, quantities }),
    );
  };

  api.page(kind.show, async ({ url }, { session }) => write(await staff.deskOf(url, session), newCart(), []));

  api.page(kind.change, async ({ form, url }, context) => {
    const desk = await staff.deskOf(url, context.session);
    const { writer } = desk.site;
    const cart = readCart(form, writer);
    const scanned = textOf(form, "scan").trim();
    const hasRoom = scanned === "" || scan(cart, scanned, writer);
    const quantities = check(cart, writer);
    // Whoever types an ISBN and then saves has not seen its line yet.
    if (textOf(form, "action") === "save" && scanned === "") {
      const reference = await save(kind, cart, quantities, context);
      if (reference !== undefined) return seeOther(kind.saved(reference));
    }
    await addBooks(kind, cart, quantities, context);
    if (scanned !== "") cart.said = hasRoom ? saidOfScan(desk, cart, quantities) : NO_ROOM;
    if (!hasRoom) cart.scanned = scanned;
    return write(desk, cart, quantities);
  });
}

const NO_ROOM = {
  tone: "refused",
  text: `Not added: there are ${MAX_LINES} lines, and more cannot be saved at once. Save these first.`,
} as const;

/** Adds the books, and what they say of the lines. */
async function addBooks(
  { sign }: Kind,
  cart: Cart,
  quantities: number[],
  { database }: HandlerContext,
): Promise<void> {
  const isbns = cart.lines.map(({ isbn }) => isbn).filter((isbn) => parseIsbn(isbn) === isbn);
  const books = await readBooksOnSale(database, isbns);
  for (const [at, line] of cart.lines.entries()) {
    line.book = books.get(line.isbn);
    const { book, faults } = line;
    if (!book) faults.isbn ??= "names no book";
    else if (sign < 0) faults.quantity ??= shortage(book, quantities[at] ?? 0);
  }
}

/** What the page says of the line that was just scanned. */
function saidOfScan({ site: { writer } }: Desk, { lines }: Cart, quantities: number[]): Cart["said"] {
  const [line] = lines;
  if (!line) return { text: "" };
  const { isbn, book, faults } = line;
  if (faults.isbn) return { tone: parseIsbn(isbn) ? "unknown" : "refused", text: `${isbn} ${faults.isbn}.` };
  if (faults.quantity) return { tone: "refused", text: `${book?.title}: ${faults.quantity}.` };
  return {
    tone: "scanned",
    text: `${book?.title}, ${quantities[0]}. ${writer.price(totalOf(lines, quantities))} in all.`,
  };
}

/**
 * Saves a cart, once under its number: if the answer to a sale was lost, it is sent again.
 *
 * @returns the reference under which the ledger has it; undefined if the cart says why it is not saved
 */
async function save(
  kind: Kind,
  cart: Cart,
  quantities: number[],
  { database, actor }: HandlerContext,
): Promise<string | undefined> {
  if (cart.lines.length === 0 || hasFaults(cart)) {
    cart.said = { tone: "refused", text: "Not saved: correct the lines first." };
    return undefined;
  }
  const { reason, sign } = kind;
  const reference = cart.reference.trim() || cart.number;
  const lines = cart.lines.map(({ isbn }, at) => ({ isbn, delta: sign * (quantities[at] ?? 0) }));
  const content = lines.map(({ isbn, delta }) => `${isbn} ${delta}`).sort();
  try {
    // A claim lasts a day, but a cart may wait for longer in a browser.
    const entries = reference === cart.number ? await readEntries(database, reference) : [];
    const saved = entries.filter((entry) => entry.reason === reason);
    if (saved.length > 0) {
      const isSame = `${saved.map(({ isbn, delta }) => `${isbn} ${delta}`).sort()}` === `${content}`;
      if (!isSame) throw new MismatchFault();
      return reference;
    }
    const claim = await claimUnder(`${reason} ${cart.number}`, [reference, content]);
    await changeStock(database, { lines, reason, reference }, actor, claim);
    return reference;
  } catch (fault) {
    if (fault instanceof LinesFault) refuse(cart, fault.lines, quantities);
    else if (fault instanceof MismatchFault) renumber(kind, cart);
    else throw fault;
    return undefined;
  }
}

function refuse(cart: Cart, refused: RefusedLine[], quantities: number[]): void {
  for (const line of refused) {
    const { faults } = cart.lines[line.line] ?? {};
    const error = errorOfLine(line);
    if (!faults) continue;
    if (!error) faults.quantity = shortage({ stock: Number(line.available) }, quantities[line.line] ?? 0);
    else if (error.member === "") faults.isbn = error.message;
    else faults.quantity = error.message;
  }
  cart.said = { tone: "refused", text: "Nothing was saved: correct the marked lines." };
}

function renumber({ alreadySaved }: Kind, cart: Cart): void {
  cart.earlier = cart.number;
  cart.number = newNumber();
  cart.said = { tone: "refused", text: alreadySaved };
}
