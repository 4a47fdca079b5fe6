/** Reads, whose answers are known: nobody changes the books that they ask for. */
import { isbnOf } from "../support/books.ts";
import type { Answer, Caller, Outcome } from "./caller.ts";
import { asksToTryAgain, wrong } from "./caller.ts";
import type { Cluster } from "./cluster.ts";

/** Sends one request. */
export type Probe = () => Promise<Outcome>;

const KNOWN = 300;
const PRESS = "Chaos%20Press";

/** Paths by the kind of route. Their answers stay the same. */
const pathsOf = (id: string, isbn: string) => ({
  "point read": `/api/v1/books/${id}`,
  listing: `/api/v1/books?publisher=${PRESS}&sort=title&limit=20`,
  search: `/api/v1/books?search=tides%20of&publisher=${PRESS}`,
  page: `/books/${isbn}-tides-of-${isbn}`,
  export: `/api/v1/books/export?format=ndjson&publisher=${PRESS}&sort=title`,
});

type Kind = keyof ReturnType<typeof pathsOf>;

/** The books of which all answers are known. */
export async function addKnownBooks(cluster: Cluster): Promise<{ id: string; isbn: string }> {
  const [first] = await cluster.sql<{ id: string; isbn: string }>(
    `insert into books (title, author, isbn, price, stock, publisher)
     select 'Tides of ' || isbn, 'A. Nobody', isbn, 9.99, 5, 'Chaos Press' from unnest($1::text[]) as isbn
     returning id, isbn`,
    [Array.from({ length: KNOWN }, (_, at) => isbnOf(at))],
  );
  if (!first) throw new Error("No book was added.");
  await cluster.sql("analyze");
  return first;
}

/** The answers while all is well, by kind. */
export type Expected = Record<Kind, string>;

/** @throws if a server does not give them */
export async function expectedAnswers(
  callers: Caller[],
  { id, isbn }: { id: string; isbn: string },
): Promise<{ paths: Record<Kind, string>; expected: Expected }> {
  const paths = pathsOf(id, isbn);
  const kinds = Object.keys(paths) as Kind[];
  const answersOf = (caller: Caller) =>
    Promise.all(
      kinds.map(async (kind) => {
        // A server that has just started may be late.
        for (;;) {
          const answer = await caller.send("GET", paths[kind], { headers: acceptOf(kind) });
          if (answer.status === 200) return [kind, essence(answer.text)] as const;
          if (!isToldFailure(kind, answer)) wrong(kind, answer);
        }
      }),
    );
  const [first, ...others] = await Promise.all(callers.map(answersOf));
  const expected = Object.fromEntries(first ?? []) as Expected;
  for (const [kind, text] of others.flat())
    if (text !== expected[kind]) throw new Error(`The runtimes differ at ${kind}.`);
  return { paths, expected };
}

const acceptOf = (kind: Kind) => ({ Accept: kind === "page" ? "text/html" : "application/json, */*" });

/** Probes that compare answers with those that are known. */
export function readProbes(
  caller: Caller,
  { paths, expected }: { paths: Record<Kind, string>; expected: Expected },
): Record<Kind, Probe> {
  const probe = (kind: Kind) => async (): Promise<Outcome> => {
    const answer = await caller.send("GET", paths[kind], { headers: acceptOf(kind) });
    if (answer.status === 200 && answer.isWhole && essence(answer.text) === expected[kind]) return "right";
    if (isToldFailure(kind, answer)) return "unavailable";
    return wrong(`${kind} differs ${differenceOf(essence(answer.text), expected[kind])}`, answer);
  };
  return Object.fromEntries((Object.keys(paths) as Kind[]).map((kind) => [kind, probe(kind)])) as Record<
    Kind,
    Probe
  >;
}

/** An answer without cursors: those of a search say which of its words are frequent in the catalogue, which grows. */
const essence = (text: string) => text.replace(/"(next|prev)_cursor":"[\w-]+"/g, '"$1_cursor":"…"');

/** Where two texts differ first. */
function differenceOf(found: string, expected: string): string {
  let at = 0;
  while (at < found.length && found[at] === expected[at]) at++;
  const near = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 40), at + 40));
  return `at ${at}: ${near(found)}, not ${near(expected)}`;
}

/** A page tells its failure in HTML, and a stream that has begun by how it ends. */
function isToldFailure(kind: Kind, answer: Answer): boolean {
  const { status, headers, text, isWhole } = answer;
  if (kind === "page" && status === 503)
    return headers.has("Retry-After") && headers.get("Content-Type")?.startsWith("text/html") === true;
  if (kind === "export" && status === 200) return !isWhole || lastLineIsProblem(text);
  return asksToTryAgain(answer);
}

/** Whether NDJSON ends with a problem. */
export function lastLineIsProblem(text: string): boolean {
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  return last.startsWith('{"type":"/problems/');
}

/** Follows the feed from its beginning, as whoever keeps a copy does. */
export class Follower {
  readonly #caller: Caller;
  #cursor = "";
  /** The newest version of each book that was seen. */
  readonly versions = new Map<string, number>();
  #hasAll = false;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  readonly probe: Probe = async () => {
    const query = this.#cursor ? `&cursor=${this.#cursor}` : "";
    const answer = await this.#caller.send("GET", `/api/v1/changes?limit=200${query}`);
    if (asksToTryAgain(answer)) return "unavailable";
    if (answer.status !== 200) return wrong("feed", answer);
    const { data, next_cursor, more } = JSON.parse(answer.text);
    for (const { id, version } of data) {
      this.versions.set(id, Math.max(Number(version), this.versions.get(id) ?? 0));
    }
    this.#cursor = next_cursor;
    this.#hasAll = !more;
    return "right";
  };

  /** Asks once more, and tells whether that was the end of the feed. */
  async reachesEnd(): Promise<boolean> {
    this.#hasAll = false;
    await this.probe();
    return this.#hasAll;
  }
}
