/** A message of ONIX to its products, one at a time: saxes parses, and this file bounds what it holds. */
import { SaxesParser } from "saxes";
import { escaped } from "./markup.ts";
import { type Element, nameOf } from "./onix-tags.ts";
import { CatalogueError, MAX_ROW_LENGTH, type RowFault, tooLong } from "./rows.ts";

export interface Product {
  element: Element;
  line: number;
  faults: RowFault[];
  source: string | undefined;
}

interface Events {
  onMessage(tag: string, attributes: Record<string, string>): void;
  onHeader(header: Element, source: string): void;
  onProduct(product: Product): void;
}

/** Faults that cost a product and not the file, by the end of the parser's message. */
const FAULTS: [RegExp, string][] = [
  [
    /undefined entity\.$/,
    "has an entity that XML does not define: write the character, entities are never expanded",
  ],
  [/disallowed character\.$/, "has a character that XML does not allow, or bytes of another encoding"],
  [/malformed character entity\.$/, "has a reference to a character that XML does not allow"],
];

const PRODUCT_END = /<\/(?:\w{1,20}:)?product\s{0,9}>/i;
/** As long as an end tag that a chunk may cut. */
const OVERLAP = 40;

const MAX_DEPTH = 100;
const TOO_DEEP: RowFault = {
  path: "",
  code: "invalid_format",
  message: "has elements nested more than 100 deep",
};

/** Stands for every open element that Octavo does not read. */
const IGNORED: Element = { name: "", attributes: {}, text: "", markup: undefined, children: [] };

export class ProductReader {
  readonly #events: Events;
  #parser = this.#newParser();
  #root: string | undefined;
  /** The open elements within a header or product. XHTML repeats the element whose text it is. */
  #open: Element[] = [];
  #faults = new Set<string>();
  /** What the parser has got of the current header or product, and its place in all that it has got. */
  #held = "";
  #heldFrom = 0;
  /** How much it has got since the last header or product. */
  #idle = 0;
  #productLine = 0;
  /** How many lines came before those that the parser counts. */
  #linesBefore = 0;
  /** The last characters of a product that is too long, while its end is looked for. */
  #skipped: string | undefined;

  constructor(events: Events) {
    this.#events = events;
  }

  write(text: string): void {
    const rest = this.#skipped === undefined ? text : this.#skip(this.#skipped, text);
    if (rest === "") return;
    this.#held += rest;
    this.#idle += rest.length;
    this.#parser.write(rest);
    if (this.#open.length > 0) {
      if (this.#held.length > MAX_ROW_LENGTH) this.#giveUp(tooLong("an element"));
      else if (this.#open.length > MAX_DEPTH) this.#giveUp(TOO_DEEP);
      return;
    }
    if (this.#idle > MAX_ROW_LENGTH)
      throw new CatalogueError("The file has more than 1 MiB between two products.");
    this.#heldFrom += this.#held.length;
    this.#held = "";
  }

  end(): void {
    if (this.#skipped !== undefined) throw new CatalogueError(ENDS_EARLY);
    this.#parser.close();
  }

  #newParser(): SaxesParser {
    const parser = new SaxesParser();
    parser.on("opentag", ({ name, attributes }) => this.#onOpen(name, attributes));
    parser.on("text", (text) => this.#onText(text));
    parser.on("cdata", (text) => this.#onText(text));
    parser.on("closetag", ({ name }) => this.#onClose(name));
    parser.on("error", (error) => this.#onError(error));
    return parser;
  }

  #onOpen(tag: string, attributes: Record<string, string>): void {
    if (this.#root === undefined) {
      checkRoot(tag, attributes);
      this.#root = tag;
      this.#events.onMessage(tag, attributes);
      return;
    }
    const parent = this.#open.at(-1);
    if (parent?.name === "Text") {
      parent.markup = `${parent.markup ?? escaped(parent.text)}<${tag}>`;
      this.#open.push(parent);
      return;
    }
    const name = nameOf(localName(tag));
    if (parent === IGNORED || (parent && name === undefined)) {
      this.#open.push(IGNORED);
      return;
    }
    const isTop = name === "Product" || name === "Header";
    if (name === undefined || (!parent && !isTop)) return;
    const element: Element = { name, attributes, text: "", markup: undefined, children: [] };
    if (parent) parent.children.push(element);
    else this.#begin();
    this.#open.push(element);
  }

  #begin(): void {
    const start = this.#held.lastIndexOf("<", this.#parser.position - this.#heldFrom - 1);
    this.#held = this.#held.slice(start);
    this.#heldFrom += start;
    this.#productLine = this.#linesBefore + this.#parser.line;
    this.#faults.clear();
  }

  #onText(text: string): void {
    const element = this.#open.at(-1);
    if (!element || element === IGNORED) return;
    element.text += text;
    if (element.markup !== undefined) element.markup += escaped(text);
  }

  #onClose(tag: string): void {
    const element = this.#open.pop();
    if (!element) return;
    if (element !== IGNORED && element === this.#open.at(-1)) element.markup += `</${tag}>`;
    if (this.#open.length > 0) return;
    const source = this.#held.slice(0, this.#parser.position - this.#heldFrom);
    this.#idle = 0;
    if (element.name === "Header") this.#events.onHeader(element, source);
    else if (source.length > MAX_ROW_LENGTH) this.#refuse(element, tooLong("an element"));
    else this.#events.onProduct({ element, line: this.#productLine, faults: this.#faultList(), source });
  }

  #faultList = (): RowFault[] =>
    Array.from(this.#faults, (message) => ({ path: "", code: "invalid_format", message }));

  #refuse(element: Element, fault: RowFault): void {
    this.#events.onProduct({ element, line: this.#productLine, faults: [fault], source: undefined });
  }

  #onError({ message }: Error): void {
    const [, fault] = FAULTS.find(([end]) => end.test(message)) ?? [];
    if (fault && this.#open.length > 0) {
      this.#faults.add(fault);
      return;
    }
    if (/unclosed tag|must contain a root|unexpected end/.test(message)) throw new CatalogueError(ENDS_EARLY);
    const what = message.replace(/^\d+:\d+: /, "").slice(0, 200);
    const line = this.#linesBefore + this.#parser.line;
    throw new CatalogueError(`The file is not well-formed XML in line ${line}: ${what}`);
  }

  /** The parser keeps a text of any length, so it gets no more of this product. */
  #giveUp(fault: RowFault): void {
    const [element] = this.#open;
    if (element?.name !== "Product") throw new CatalogueError("The header of the message is too long.");
    this.#refuse(element, fault);
    this.#open = [];
    this.#linesBefore += this.#parser.line - 1;
    this.#skipped = this.#held.slice(-OVERLAP);
    this.#held = "";
  }

  /** @returns what follows the product, for a new parser that takes it for the first in its message */
  #skip(skipped: string, text: string): string {
    const all = skipped + text;
    const end = all.match(PRODUCT_END);
    const rest = end ? all.slice((end.index ?? 0) + end[0].length) : "";
    this.#linesBefore += linesIn(text) - linesIn(rest);
    this.#skipped = end ? undefined : all.slice(-OVERLAP);
    if (end) {
      const root = `<${this.#root}>`;
      this.#parser = this.#newParser();
      this.#parser.write(root);
      this.#heldFrom = root.length;
      this.#idle = 0;
    }
    return rest;
  }
}

const ENDS_EARLY = "The file ends before its last element does.";

const linesIn = (text: string) => text.split("\n").length - 1;

const localName = (tag: string) => tag.slice(tag.indexOf(":") + 1);

function checkRoot(tag: string, { release }: Record<string, string>): void {
  if (!/^onixmessage$/i.test(localName(tag)))
    throw new CatalogueError(
      `The file is not ONIX: its first element is ${tag.slice(0, 40)}, not ONIXMessage.`,
    );
  // Only ONIX 2.1 may leave out its release.
  if (release === undefined || release.startsWith("2"))
    throw new CatalogueError(
      "The file is ONIX 2.1, which was retired in 2014. Ask its sender for ONIX 3.0 or 3.1.",
    );
  if (release !== "3.0" && release !== "3.1")
    throw new CatalogueError(`The file is ONIX ${release.slice(0, 20)}. ONIX 3.0 and 3.1 can be read.`);
}
