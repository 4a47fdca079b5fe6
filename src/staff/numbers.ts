/** Numbers as people in the shop's locale write them: `12,50` in Germany, `12.50` in Ireland. */
import type { Shop } from "../pages/shop.ts";

/** What cannot be read, in the words of a fault: "must be …". */
export class NumberFault extends Error {
  override name = "NumberFault";
}

interface Marks {
  decimal: string;
  /** Separates thousands. */
  group: string;
  /** The ten digits. */
  digits: string[];
  /** Whole digits or groups, of which the last has three; then perhaps decimals. */
  form: RegExp;
  /** A comma or a point where no group can be, although it is not the locale's before decimals. */
  foreign: RegExp;
}

export class Numbers {
  readonly #locale: string;
  /** How many decimals a price has at least. */
  readonly #decimals: number;
  #known: Marks | undefined;

  constructor({ locale, currency }: Pick<Shop, "locale" | "currency">) {
    this.#locale = locale;
    const { maximumFractionDigits = 2 } = new Intl.NumberFormat("en", {
      style: "currency",
      currency,
    }).resolvedOptions();
    this.#decimals = Math.min(2, maximumFractionDigits);
  }

  /** A price for a field, without marks between thousands. */
  price(price: number): string {
    const digits = { minimumFractionDigits: this.#decimals, maximumFractionDigits: 2 };
    return new Intl.NumberFormat(this.#locale, { useGrouping: false, ...digits }).format(price);
  }

  /** A whole number for a field, without marks between thousands. */
  whole(number: number): string {
    return new Intl.NumberFormat(this.#locale, { useGrouping: false }).format(number);
  }

  /**
   * Reads what was typed. The locale's mark for thousands is one, and a mark before one or two digits separates decimals,
   * whichever it is. Before three digits, another mark could mean either, and nobody guesses.
   *
   * @throws NumberFault
   */
  read(typed: string): number {
    this.#known ??= marksOf(this.#locale);
    const { form, foreign } = this.#known;
    const text = inAscii(typed.trim(), this.#known);
    const [, sign = "", number = ""] = text.match(/^([-−]?)(.+)$/) ?? [];
    if (text === "") throw new NumberFault("is required");
    if (AMBIGUOUS.test(number)) throw new NumberFault(this.#eitherOf(Number(number.replace(/\D/g, ""))));
    if (!form.test(number) && !foreign.test(number))
      throw new NumberFault(`must be a number, such as ${this.price(12.5)}`);
    const value = form.test(number) ? number.replaceAll("G", "") : number;
    return Number(sign.replace("−", "-") + value.replace(/[.,GD]/, "."));
  }

  #eitherOf(digits: number): string {
    return `must be ${this.whole(digits)} or ${this.price(digits / 1000)}: its mark could mean either`;
  }
}

/** In the locale, these marks separate no thousands; elsewhere they do. */
const AMBIGUOUS = /^[1-9]\d{0,2}[.,D]\d{3}$/;

/** Marks that people type for each other: any space, and any apostrophe. */
const KINDS = [/^\s$/u, /^['’]$/];
const FULL_WIDTH = /[０-９]/;

function marksOf(locale: string): Marks {
  const parts = new Intl.NumberFormat(locale).formatToParts(1_234_567.5);
  const markOf = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  const digits = [..."0123456789"].map((digit) => new Intl.NumberFormat(locale).format(Number(digit)));
  // In India, the groups before the last have two digits.
  const [, middle = "123"] = parts.filter(({ type }) => type === "integer").map(({ value }) => value);
  const form = new RegExp(`^(\\d+|[1-9]\\d{0,2}(G\\d{${middle.length}})*G\\d{3})(D\\d+)?$`);
  const group = markOf("group");
  const foreign = new RegExp(`^\\d+[.,${/[.,]/.test(group) ? "G" : ""}]\\d{1,2}$`);
  return { decimal: markOf("decimal"), group, digits, form, foreign };
}

/** ASCII digits, and for the locale's marks a D before decimals and a G between groups. */
function inAscii(text: string, { decimal, group, digits }: Marks): string {
  return Array.from(text, (character) => {
    if (digits.includes(character)) return `${digits.indexOf(character)}`;
    if (character === decimal) return "D";
    const isGroup = character === group || KINDS.some((kind) => kind.test(group) && kind.test(character));
    return isGroup ? "G" : FULL_WIDTH.test(character) ? character.normalize("NFKC") : character;
  }).join("");
}
