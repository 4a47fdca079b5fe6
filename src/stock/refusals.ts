/** What refused changes of stock mean to clients. */
import { MAX_STOCK } from "../books/book.ts";
import {
  invalidMember,
  Problem,
  type ShortLine,
  type ValidationCode,
  ValidationErrors,
  validationFailed,
} from "../http/problem.ts";
import type { StockFault } from "./store.ts";
import type { RefusedLine } from "./transactions.ts";

export const ZERO_PRICE = "must not give stock to a book with a price of 0";
const aboveMaximum = (available: number) => `must leave the stock, now ${available}, at ${MAX_STOCK} or less`;

/** What a refused change of one book means to the client. */
export function adjustmentProblem({ refusal, available }: StockFault, delta: number): Problem {
  switch (refusal) {
    case "insufficient": {
      const message = `The stock is ${available} and does not cover ${-delta}.`;
      return new Problem("insufficient_stock", message, { extension: { available } });
    }
    case "above_maximum":
      return invalidMember("delta", "out_of_range", aboveMaximum(available));
    case "zero_price":
      return invalidMember("delta", "zero_price_with_stock", ZERO_PRICE);
  }
}

/** What refused lines mean to the client: invalid lines are a 422, and only without them is a lack of stock a 409. */
export function linesProblem(refused: RefusedLine[], count: number): Problem {
  const errors = new ValidationErrors();
  const short: ShortLine[] = [];
  for (const line of refused) {
    const invalid = errorOfLine(line);
    if (invalid) errors.add("body", `lines.${line.line}${invalid.member}`, invalid.code, invalid.message);
    else
      short.push({
        line: line.line,
        id: `${line.id}`,
        isbn: `${line.isbn}`,
        available: Number(line.available),
      });
  }
  if (errors.count > 0) return validationFailed(errors.listed, errors.count);
  const message = `The stock does not cover ${short.length} of ${count} lines.`;
  return new Problem("insufficient_stock", message, { extension: { lines: short } });
}

interface LineError {
  /** The member of the line, with a dot before it; empty for the line as a whole. */
  member: "" | ".delta";
  code: ValidationCode;
  message: string;
}

/** What is wrong with a refused line; undefined if nothing but the stock is short. */
export function errorOfLine({ refusal, first, available }: RefusedLine): LineError | undefined {
  switch (refusal) {
    case "unknown":
      return { member: "", code: "not_found", message: "names no book" };
    case "duplicate":
      return { member: "", code: "duplicate", message: `names the same book as lines.${first}` };
    case "above_maximum":
      return { member: ".delta", code: "out_of_range", message: aboveMaximum(Number(available)) };
    case "zero_price":
      return { member: ".delta", code: "zero_price_with_stock", message: ZERO_PRICE };
    case "insufficient":
      return undefined;
  }
}
