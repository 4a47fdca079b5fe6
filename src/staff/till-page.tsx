/** The page of a cart: a field for the scanner, the lines, and the button that saves them. */
import { hasRole } from "../http/auth/authenticate.ts";
import { STAFF } from "../http/auth/session.ts";
import type { Desk } from "./desk.ts";
import { Field } from "./fields.tsx";
import { booksIn, type Cart, type Line, sumAt, totalOf } from "./till-cart.ts";
import { ScanForm } from "./till-form.tsx";
import { type Kind, RECEIVE, TILL } from "./till-kinds.ts";
import { BookOfLine, Quantity, Remove } from "./till-row.tsx";
import { Lines } from "./till-table.tsx";

interface Props {
  desk: Desk;
  kind: Kind;
  cart: Cart;
  quantities: number[];
}

export function CartPage({ desk, kind, cart, quantities }: Props) {
  const { number, lines, said, earlier, scanned } = cart;
  return (
    <ScanForm desk={desk} action={kind.show.path} title={kind.title} said={said} scanned={scanned}>
      <input type="hidden" name="number" value={number} />
      {earlier && (
        <p class="note">
          <a href={kind.saved(earlier)}>{kind === TILL ? `Receipt ${earlier}` : "The delivery"}</a>
        </p>
      )}
      {lines.length === 0 ? (
        <p class="empty">Scan a book to begin.</p>
      ) : (
        <>
          <Lines heads={["Book", "Price", "Quantity", kind === TILL ? "Sum" : "In stock", ""]}>
            {lines.map((line, at) => (
              <Row desk={desk} kind={kind} line={line} quantity={quantities[at]} at={at} />
            ))}
          </Lines>
          {kind === RECEIVE && (
            <Field
              name="reference"
              label="Delivery note"
              value={cart.reference}
              fault={cart.referenceFault}
              autocomplete="off"
            />
          )}
          <Pay desk={desk} kind={kind} cart={cart} quantities={quantities} />
        </>
      )}
    </ScanForm>
  );
}

interface RowProps extends Pick<Props, "desk" | "kind"> {
  line: Line;
  quantity: number | undefined;
  at: number;
}

function Row({ desk, kind, line, quantity, at }: RowProps) {
  const { isbn, book, faults } = line;
  const { writer } = desk.site;
  const sum = sumAt(book?.price ?? 0, quantity);
  return (
    <tr class={(faults.isbn ?? faults.quantity) ? "wrong" : undefined}>
      <BookOfLine desk={desk} line={line} at={at}>
        {!book && kind === RECEIVE && <NewBook desk={desk} isbn={isbn} />}
      </BookOfLine>
      <td class="price">{book && writer.price(book.price)}</td>
      <td>
        <Quantity
          value={line.quantity}
          label={`Quantity of ${book?.title ?? isbn}`}
          at={at}
          isWrong={faults.quantity !== undefined}
        />
      </td>
      <td class="sum" data-head={book && kind === RECEIVE ? "In stock" : undefined}>
        {book && (kind === RECEIVE ? book.stock : sum > 0 && writer.price(sum))}
      </td>
      <td>
        <Remove line={line} />
      </td>
    </tr>
  );
}

/** Only editors add books. */
function NewBook({ desk, isbn }: { desk: Desk; isbn: string }) {
  if (!desk.principal || !hasRole("editor", desk.principal))
    return <p class="note">Only an editor can add the book.</p>;
  const query = new URLSearchParams({ isbn, to: RECEIVE.show.path });
  return (
    <p class="note">
      <a href={`${STAFF}/books/new?${query}`}>Add the book to the catalogue</a>
    </p>
  );
}

function Pay({ desk, kind, cart, quantities }: Props) {
  return (
    <div class="pay">
      <p class="total">
        <span>{booksIn(quantities)}</span>
        {kind === TILL && <strong>{desk.site.writer.price(totalOf(cart.lines, quantities))}</strong>}
      </p>
      <button type="submit" class="button" name="action" value="save">
        {kind.save}
      </button>
    </div>
  );
}
