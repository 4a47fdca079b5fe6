/** The parts of a line that people change. */
import type { PropsWithChildren } from "hono/jsx";
import type { Desk } from "./desk.ts";
import { Fault } from "./fields.tsx";
import type { Line } from "./till-cart.ts";
import { Title } from "./till-table.tsx";

interface Props {
  desk: Desk;
  line: Line;
  /** The line's place, for its ids. */
  at: number;
}

const quantityId = (at: number) => `quantity-${at}`;

/** The book of a line, or what was typed instead of its ISBN; and what is wrong with the line. */
export function BookOfLine({ desk, line, at, children }: PropsWithChildren<Props>) {
  const { isbn, book, faults } = line;
  const isbnId = `isbn-${at}`;
  return (
    <th scope="row">
      {book ? (
        <>
          <input type="hidden" name="isbn" value={isbn} />
          <Title desk={desk} book={book} />
        </>
      ) : (
        <input
          name="isbn"
          value={isbn}
          aria-label="ISBN"
          aria-invalid="true"
          aria-describedby={`${isbnId}-fault`}
          autocomplete="off"
          spellcheck={false}
        />
      )}
      {faults.isbn && <Fault name={isbnId} fault={`${faults.isbn}.`} />}
      {children}
      {faults.quantity && <Fault name={quantityId(at)} fault={`${faults.quantity}.`} />}
    </th>
  );
}

interface QuantityProps extends Pick<Props, "at"> {
  value: string;
  label: string;
  isWrong?: boolean;
}

export const Quantity = ({ value, label, at, isWrong = false }: QuantityProps) => (
  <input
    class="quantity"
    name="quantity"
    value={value}
    aria-label={label}
    aria-invalid={isWrong ? "true" : undefined}
    aria-describedby={isWrong ? `${quantityId(at)}-fault` : undefined}
    inputmode="numeric"
    autocomplete="off"
  />
);

export const Remove = ({ line: { isbn, book } }: Pick<Props, "line">) => (
  <button type="submit" class="link" name="remove" value={isbn} aria-label={`Remove ${book?.title ?? isbn}`}>
    Remove
  </button>
);
