/** The till and goods in: a form of lines that grows by scans, and becomes one transaction. */
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
import { afterFirst } from "./after-first.ts";
import type { Desk } from "./desk.ts";
import type { Numbers } from "./numbers.ts";
import { type Staff, seeOther } from "./staff.ts";
import {
  addBooks,
  booksIn,
  type Cart,
  check,
  hasFaults,
  newCart,
  newNumber,
  readCart,
  type Said,
  saidOfFault,
  scan,
  totalOf,
} from "./till-cart.ts";
import { type Kind, shortage, TILL } from "./till-kinds.ts";
import { CartPage } from "./till-page.tsx";

export function cartRoutes(api: Api, staff: Staff, kind: Kind, numbers: Numbers): void {
  const write = (desk: Desk, cart: Cart, quantities: number[]): AnyReply => {
    const isRefused = hasFaults(cart) || (cart.said?.tone ?? "scanned") !== "scanned";
    const { title, place } = kind;
    return staff.write(desk, { title, place, status: isRefused ? 422 : 200 }, () =>
      CartPage({ desk, kind, cart, quantities }),
    );
  };

  api.page(kind.show, async ({ url }, { session }) => write(await staff.deskOf(url, session), newCart(), []));

  api.page(kind.change, async ({ form, url }, context) => {
    const desk = await staff.deskOf(url, context.session);
    const cart = readCart(form, numbers);
    const scanned = textOf(form, "scan").trim();
    const hasRoom = scanned === "" || scan(cart, scanned, numbers);
    const quantities = check(cart, numbers);
    // Whoever types an ISBN and then saves has not seen its line yet.
    if (textOf(form, "action") === "save" && scanned === "") {
      const reference = await save(kind, cart, quantities, context);
      if (reference !== undefined) return seeOther(kind.saved(reference));
    }
    await addBooks(cart.lines, context.database);
    if (kind === TILL) markShort(cart, quantities);
    if (!hasRoom) Object.assign(cart, { scanned, said: NO_ROOM });
    cart.said ??= saidOf(desk, kind, cart, quantities, scanned !== "");
    return write(desk, cart, quantities);
  });
}

const NO_ROOM = {
  tone: "refused",
  text: `Not added: there are ${MAX_LINES} lines, and more cannot be saved at once. Save these first.`,
} as const;

/** Marks the lines of a sale that the stock does not cover. Whether it does is decided when they are sold. */
function markShort({ lines }: Cart, quantities: number[]): void {
  for (const [at, { book, faults }] of lines.entries())
    if (book) faults.quantity ??= shortage(book, quantities[at] ?? 0);
}

/** What the page says: of the line that was just scanned, or of all of them. */
function saidOf(desk: Desk, kind: Kind, cart: Cart, quantities: number[], isScanned: boolean): Said {
  const { lines } = cart;
  const [line] = lines;
  if (!line) return { text: "" };
  const total = kind === TILL ? desk.site.writer.price(totalOf(lines, quantities)) : booksIn(quantities);
  if (!isScanned) return { text: `${total} in all.` };
  return (
    saidOfFault(line) ?? { tone: "scanned", text: `${line.book?.title}, ${quantities[0]}. ${total} in all.` }
  );
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
    cart.said = { tone: "refused", text: `Nothing was ${kind.done}: correct the lines first.` };
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
    await afterFirst(() => changeStock(database, { lines, reason, reference }, actor, claim));
    return reference;
  } catch (fault) {
    if (fault instanceof LinesFault) refuse(kind, cart, fault.lines, quantities);
    else if (fault instanceof MismatchFault) renumber(kind, cart);
    else throw fault;
    return undefined;
  }
}

function refuse({ done }: Kind, cart: Cart, refused: RefusedLine[], quantities: number[]): void {
  for (const line of refused) {
    const { faults } = cart.lines[line.line] ?? {};
    const error = errorOfLine(line);
    if (!faults) continue;
    if (!error) faults.quantity = shortage({ stock: Number(line.available) }, quantities[line.line] ?? 0);
    else if (error.member === "") faults.isbn = error.message;
    else faults.quantity = error.message;
  }
  cart.said = { tone: "refused", text: `Nothing was ${done}: correct the marked lines.` };
}

function renumber({ alreadySaved }: Kind, cart: Cart): void {
  cart.earlier = cart.number;
  cart.number = newNumber();
  cart.said = { tone: "refused", text: alreadySaved };
}
