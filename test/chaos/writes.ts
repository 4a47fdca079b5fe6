/** Writes that insist until they are answered, and the journal of what was confirmed. */
import { isbnOf } from "../support/books.ts";
import { type Answer, asksToTryAgain, type Caller, type Outcome, wrong } from "./caller.ts";
import { lastLineIsProblem, type Probe } from "./reads.ts";

/** What clients have been told of their writes. */
export class Journal {
  /** Movements by reference and book: how much was taken. */
  readonly taken = new Map<string, number>();
  /** Titles of books by ISBN. */
  readonly added = new Map<string, string>();
  /** Prices by book. */
  readonly prices = new Map<string, number>();
  /** Keys of writes that were sent, and not confirmed yet. When the clients stop, nobody knows of these. */
  readonly unknown = new Set<string>();
  /** How many writes were confirmed. A book of an import is one. */
  confirmed = 0;
}

/** The books that are sold. */
export const STOCK = 1_000_000;
const LINES = 3;
const IMPORTED = 20;
/** After so many imports, their books come again with other titles. No attempt is so late that it overwrites a newer one. */
const FILES = 50;

/** Among the ISBNs of a server, those of its imports begin here. */
const FIRST_IMPORTED = 50_000_000;

export interface Shelf {
  /** Books to sell, which all servers share. */
  sold: string[];
  /** A book of this server alone, to change. */
  changed: string;
  /** The first number of this server's ISBNs. */
  isbns: number;
}

type Attempt = () => Promise<Answer>;

/** Writers of one server. Each probe is one attempt; a write that is not confirmed is sent again the next time. */
export function writeProbes(caller: Caller, journal: Journal, shelf: Shelf): Record<string, Probe> {
  let created = 0;
  let imports = 0;
  return {
    create: insisting((key) => {
      const book = {
        title: key,
        author: "A. Writer",
        isbn: isbnOf(shelf.isbns + created++),
        price: 5,
        stock: 1,
      };
      return {
        attempt: () => caller.post("/api/v1/books", book, key),
        status: 201,
        confirm: () => void journal.added.set(book.isbn, book.title),
      };
    }, journal),
    sale: insisting((key) => {
      const id = pick(shelf.sold);
      return {
        attempt: () => caller.post(`/api/v1/books/${id}/stock`, { delta: -1, reference: key }, key),
        status: 200,
        confirm: () => void journal.taken.set(`${key} ${id}`, 1),
      };
    }, journal),
    basket: insisting((key) => {
      const at = Math.floor(Math.random() * (shelf.sold.length - LINES));
      const ids = shelf.sold.slice(at, at + LINES).sort(() => Math.random() - 0.5);
      const lines = ids.map((id, line) => ({ id, delta: -1 - line }));
      return {
        attempt: () => caller.post("/api/v1/stock", { lines, reference: key }, key),
        status: 200,
        confirm() {
          for (const { id, delta } of lines) journal.taken.set(`${key} ${id}`, -delta);
        },
      };
    }, journal),
    import: insisting((key) => {
      const first = shelf.isbns + FIRST_IMPORTED + (imports++ % FILES) * IMPORTED;
      const isbns = Array.from({ length: IMPORTED }, (_, at) => isbnOf(first + at));
      const row = (isbn: string) => JSON.stringify({ isbn, title: key, author: "A. File", price: 3 });
      const headers = { "Content-Type": "application/x-ndjson" };
      return {
        attempt: () =>
          caller.send("POST", "/api/v1/books/import", { body: isbns.map(row).join("\n"), headers }),
        status: 200,
        isConfirmed: ({ isWhole, text }) => isWhole && !lastLineIsProblem(text),
        confirm(text) {
          const { created, updated, unchanged, refused } = JSON.parse(
            text.trimEnd().split("\n").at(-1) ?? "",
          );
          if (created + updated + unchanged !== IMPORTED || refused > 0) throw new Error(text);
          for (const isbn of isbns) journal.added.set(isbn, key);
          journal.confirmed += IMPORTED - 1;
        },
      };
    }, journal),
    update: updates(caller, journal, shelf.changed),
  };
}

interface Write {
  key: string;
  attempt: Attempt;
  status: number;
  /** Whether a response with this status confirms the write, if not all do. */
  isConfirmed?: (answer: Answer) => boolean;
  confirm(text: string): void;
}

/** Sends a write again, with the same key, until it is confirmed; then the next. */
function insisting(next: (key: string) => Omit<Write, "key">, journal: Journal): Probe {
  let write: Write | undefined;
  return async (): Promise<Outcome> => {
    if (!write) {
      const key = `chaos-${crypto.randomUUID()}`;
      write = { key, ...next(key) };
    }
    journal.unknown.add(write.key);
    const answer = await write.attempt();
    if (asksToTryAgain(answer)) return "unavailable";
    if (answer.status !== write.status) return wrong("write", answer);
    if (write.isConfirmed?.(answer) === false) return "unavailable";
    write.confirm(answer.text);
    journal.unknown.delete(write.key);
    write = undefined;
    journal.confirmed++;
    return "right";
  };
}

/**
 * Sets the price of a book, with If-Match: a request whose outcome is unknown may still arrive, and must not overwrite what
 * came after it.
 */
function updates(caller: Caller, journal: Journal, id: string): Probe {
  const path = `/api/v1/books/${id}`;
  let price = 1;
  let etag: string | null = null;
  return async () => {
    if (!etag) {
      const answer = await caller.send("GET", path);
      if (asksToTryAgain(answer)) return "unavailable";
      if (answer.status !== 200) return wrong("update", answer);
      const found = JSON.parse(answer.text).price;
      const known = journal.prices.get(id) ?? found;
      if (found !== known && found !== price) return wrong(`update lost ${known}`, answer);
      etag = answer.headers.get("ETag");
      if (found === price) return confirmed();
    }
    const headers = { "Content-Type": "application/json", "If-Match": etag ?? "" };
    const answer = await caller.send("PATCH", path, { body: JSON.stringify({ price }), headers });
    if (answer.status !== 200) {
      etag = null;
      return answer.status === 412 || asksToTryAgain(answer) ? "unavailable" : wrong("update", answer);
    }
    etag = answer.headers.get("ETag");
    return confirmed();
  };

  function confirmed(): Outcome {
    journal.prices.set(id, price);
    journal.confirmed++;
    price++;
    return "right";
  }
}

const pick = <T>(list: T[]): T => list[Math.floor(Math.random() * list.length)] as T;
