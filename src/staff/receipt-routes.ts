/** What was sold and what came in, as the ledger has it. */
import type { Database } from "../db/ports.ts";
import { MissingFault } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { claimUnder } from "../http/idempotency-key.ts";
import { type Entry, readEntries } from "../stock/movements.ts";
import { changeStock, LinesFault } from "../stock/transactions.ts";
import { afterFirst } from "./after-first.ts";
import { DeliveryPage, type Receipt, ReceiptPage } from "./receipt.tsx";
import { type BookEntry, byBook } from "./receipt-entries.ts";
import { type Staff, seeOther } from "./staff.ts";
import * as contract from "./stock-contract.ts";
import { RECEIVE, TILL } from "./till-kinds.ts";

const UNDO = "undo";

const titleOf = ({ book, isbn }: BookEntry) => book?.title ?? isbn;

export function receiptRoutes(api: Api, staff: Staff): void {
  api.page(contract.showReceipt, async ({ params: { number }, url }, context) => {
    const receipt = receiptOf(number, await readEntries(context.database, number));
    return staff.reply(context, url, { title: `Receipt ${number}`, place: "till" }, (desk) =>
      ReceiptPage({ desk, receipt }),
    );
  });

  api.page(contract.undoReceipt, async ({ params: { number }, url }, context) => {
    const { database, actor } = context;
    const receipt = receiptOf(number, await readEntries(database, number));
    const fault = receipt.undone ? undefined : await undo(receipt, database, actor);
    if (!fault) return seeOther(TILL.saved(number));
    return staff.reply(context, url, { title: `Receipt ${number}`, place: "till", status: 422 }, (desk) =>
      ReceiptPage({ desk, receipt, fault }),
    );
  });

  api.page(contract.showDelivery, async ({ query: { reference }, url }, context) => {
    const lines = byBook(await readEntries(context.database, reference), RECEIVE.reason);
    if (lines.length === 0) throw new MissingFault();
    return staff.reply(context, url, { title: `Delivery ${reference}`, place: "receive" }, (desk) =>
      DeliveryPage({ desk, reference, lines }),
    );
  });
}

/** @throws MissingFault if nothing was sold under the number */
function receiptOf(number: string, entries: Entry[]): Receipt {
  const first = entries.findLast(({ reason }) => reason === TILL.reason);
  if (!first) throw new MissingFault();
  const back = entries.find(({ reason }) => reason === UNDO);
  const lines = byBook(entries, TILL.reason).sort((a, b) => (titleOf(a) < titleOf(b) ? -1 : 1));
  return { number, sold: first.created_at, undone: back?.created_at, lines };
}

/**
 * Brings back what was sold, once: the claim keeps two clerks from doing so at the same time.
 *
 * @returns why that is not possible
 */
async function undo({ number, lines }: Receipt, database: Database, actor: string) {
  const back = lines.map(({ id, delta }) => ({ id, delta: -delta }));
  const claim = await claimUnder(`${UNDO} ${number}`, back);
  try {
    const change = { lines: back, reason: UNDO, reference: number };
    await afterFirst(() => changeStock(database, change, actor, claim));
    return undefined;
  } catch (fault) {
    if (!(fault instanceof LinesFault)) throw fault;
    const titles = fault.lines.flatMap(({ line }) => lines[line] ?? []).map(titleOf);
    return `This sale cannot be undone, because the stock of these books cannot rise: ${titles.join(", ")}.`;
  }
}
