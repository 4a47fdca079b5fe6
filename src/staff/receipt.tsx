/** A receipt, which can be printed and undone, and the list of a delivery. */
import { SHOP_NAME } from "../pages/site.ts";
import type { Desk } from "./desk.ts";
import { Fault } from "./fields.tsx";
import { FormToken } from "./layout.tsx";
import type { BookEntry } from "./receipt-entries.ts";
import { sumAt } from "./till-cart.ts";
import { ScanField } from "./till-form.tsx";
import { type Kind, RECEIVE, TILL } from "./till-kinds.ts";
import { Lines, Title } from "./till-table.tsx";

export interface Receipt {
  number: string;
  /** When it was sold, and when that was undone. */
  sold: string;
  undone: string | undefined;
  lines: BookEntry[];
}

interface Props {
  desk: Desk;
  receipt: Receipt;
  /** Why the sale cannot be undone. */
  fault?: string;
}

/** The ledger keeps no prices, so these are the prices of now. */
export function ReceiptPage({ desk, receipt, fault }: Props) {
  const { number, sold, undone, lines } = receipt;
  const { writer } = desk.site;
  const sums = lines.map(({ book, delta }) => sumAt(book?.price ?? 0, -delta));
  const total = sums.reduce((sum, each) => sum + Math.round(each * 100), 0) / 100;
  return (
    <div class="receipt">
      <h1>
        {SHOP_NAME} <span class="note">Receipt {number}</span>
      </h1>
      <p>
        <time datetime={sold}>{writer.time(sold)}</time>
      </p>
      {undone && (
        <p class="undone">
          Undone on <time datetime={undone}>{writer.time(undone)}</time>
        </p>
      )}
      <Lines
        heads={["Book", "Price", "Quantity", "Sum"]}
        foot={
          <tr>
            <th scope="row" colspan={3}>
              Total
            </th>
            <td class="sum">{writer.price(total)}</td>
          </tr>
        }
      >
        {lines.map((line, at) => (
          <tr>
            <BookCell desk={desk} line={line} />
            <td class="price">{line.book && writer.price(line.book.price)}</td>
            <td>{-line.delta}</td>
            <td class="sum">{line.book && writer.price(sums[at] ?? 0)}</td>
          </tr>
        ))}
      </Lines>
      {fault && <Fault name="undo" fault={fault} />}
      <div class="ways">
        <Next desk={desk} kind={TILL} label="Next customer" />
        <button type="button" class="button plain" data-print hidden>
          Print
        </button>
        {!undone && (
          <form method="post" action={TILL.saved(number)}>
            <FormToken desk={desk} />
            <button type="submit" class="button plain">
              Undo the sale
            </button>
          </form>
        )}
      </div>
    </div>
  );
}

interface DeliveryProps {
  desk: Desk;
  reference: string;
  lines: BookEntry[];
}

export function DeliveryPage({ desk, reference, lines }: DeliveryProps) {
  return (
    <div class="receipt">
      <h1>
        Goods in <span class="note">{reference}</span>
      </h1>
      <Lines heads={["Book", "Came in", "In stock"]}>
        {lines.map((line) => (
          <tr>
            <BookCell desk={desk} line={line} />
            <td>{line.delta}</td>
            <td>{line.after}</td>
          </tr>
        ))}
      </Lines>
      <div class="ways">
        <Next desk={desk} kind={RECEIVE} label="Next delivery" />
        <button type="button" class="button plain" data-print hidden>
          Print
        </button>
      </div>
    </div>
  );
}

/** The scanner goes on here, so that nobody has to touch anything between two customers. */
const Next = ({ desk, kind, label }: { desk: Desk; kind: Kind; label: string }) => (
  <form method="post" action={kind.show.path} class="scan">
    <FormToken desk={desk} />
    <ScanField isNext />
    <button type="submit" class="button" name="action" value="add">
      {label}
    </button>
  </form>
);

/** A book of the ledger by its title, or by its ISBN if it was deleted. */
export function BookCell({ desk, line: { book, isbn } }: { desk: Desk; line: BookEntry }) {
  return (
    <th scope="row">
      {book ? (
        <Title desk={desk} book={book} />
      ) : (
        <>
          {isbn} <span class="by">Deleted since</span>
        </>
      )}
    </th>
  );
}
