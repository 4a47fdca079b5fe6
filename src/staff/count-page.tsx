/** The page on which books are counted, and the list of differences. */
import { STAFF } from "../http/auth/session.ts";
import type { Desk } from "./desk.ts";
import { BookCell } from "./receipt.tsx";
import type { BookEntry } from "./receipt-entries.ts";
import { changeCount } from "./stock-contract.ts";
import type { Line, Said } from "./till-cart.ts";
import { ScanForm } from "./till-form.tsx";
import { BookOfLine, Quantity, Remove } from "./till-row.tsx";
import { Lines } from "./till-table.tsx";

export interface Count {
  /** The reference of the movements. */
  number: string;
  /** What was scanned, while its count is missing. */
  scanned: string;
  /** Counts that could not be saved. */
  refused: Line[];
  /** The newest first. */
  differences: BookEntry[];
  /** Whether there are older differences, which the page has no room for. */
  hasOlder: boolean;
  said?: Said | undefined;
}

interface Props {
  desk: Desk;
  count: Count;
}

export function CountPage({ desk, count }: Props) {
  const { number, scanned, refused, differences, hasOlder, said } = count;
  const beside = (
    <input
      id="count"
      name="count"
      aria-label="Count"
      placeholder="Count"
      inputmode="numeric"
      maxlength={100}
      autocomplete="off"
      enterkeyhint="done"
      autofocus={scanned !== ""}
    />
  );
  return (
    <ScanForm desk={desk} action={changeCount.path} title="Count" {...{ said, scanned, beside }}>
      <input type="hidden" name="number" value={number} />
      {refused.length + differences.length === 0 ? (
        <p class="empty">Scan a book, then type how many there are. Differences are listed here.</p>
      ) : (
        <Lines heads={["Book", "Before", "Counted", "Difference", ""]}>
          {refused.map((line, at) => (
            <RefusedRow desk={desk} line={line} at={at} />
          ))}
          {differences.map((entry, at) => (
            <DifferenceRow desk={desk} entry={entry} at={refused.length + at} />
          ))}
        </Lines>
      )}
      {hasOlder && <p class="note">Older differences are not listed. The movements have all of them.</p>}
      {(hasOlder || differences.length > 0) && (
        <div class="ways">
          <button type="submit" class="button" name="action" value="finish">
            Finish this count
          </button>
          <a class="button plain" href={`${STAFF}/movements?${new URLSearchParams({ reference: number })}`}>
            Movements of this count
          </a>
        </div>
      )}
    </ScanForm>
  );
}

function DifferenceRow({ desk, entry, at }: { desk: Desk; entry: BookEntry; at: number }) {
  const { isbn, book, delta, after } = entry;
  return (
    <tr>
      <BookCell desk={desk} line={entry} />
      <td class="price" data-head="Before">
        {after - delta}
      </td>
      <td>
        <input type="hidden" name="isbn" value={isbn} />
        <input type="hidden" name="saved" value={`${after}`} />
        <Quantity value={`${after}`} label={`Count of ${book?.title ?? isbn}`} at={at} />
      </td>
      <td class="sum" data-head="Difference">
        {delta > 0 ? `+${delta}` : `−${-delta}`}
      </td>
      <td />
    </tr>
  );
}

function RefusedRow({ desk, line, at }: { desk: Desk; line: Line; at: number }) {
  const { isbn, quantity, book, faults } = line;
  return (
    <tr class="wrong">
      <BookOfLine desk={desk} line={line} at={at} />
      <td />
      <td>
        <input type="hidden" name="saved" value="" />
        <Quantity
          value={quantity}
          label={`Count of ${book?.title ?? isbn}`}
          at={at}
          isWrong={faults.quantity !== undefined}
        />
      </td>
      <td />
      <td>
        <Remove line={line} />
      </td>
    </tr>
  );
}
