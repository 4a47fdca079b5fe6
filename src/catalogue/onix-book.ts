/** A product of ONIX as a book. Elements that are absent leave what is there, so that block updates work. */
import type { FORMATS } from "../books/book.ts";
import { repairIsbn } from "../books/isbn-repair.ts";
import { looksLikeMarkup, textOf, tidied } from "./markup.ts";
import { authorOf } from "./onix-names.ts";
import { all, type Element, ranked, value } from "./onix-tags.ts";
import type { Repair } from "./rows.ts";
import { languageOf } from "./vocabulary.ts";

export interface OnixOptions {
  /** The currency of the shop, such as GBP. Without it prices are left alone. */
  currency?: string | undefined;
  /** The stock of a product that its supplier has; of one that it has not, 0. Without it stock is left alone. */
  stockIfAvailable?: number | undefined;
}

/** What the header of a message says for all its products. */
export interface Defaults {
  currency: string | undefined;
  priceType: string | undefined;
}

type Format = (typeof FORMATS)[number];

/** ISBN-13; GTIN, if it is one; ISBN-10 (list 5). */
export function isbnsOf(product: Element): string[] {
  const found = ranked(all(product, "ProductIdentifier"), "ProductIDType", ["15", "03", "02"]);
  return found.flatMap((identifier) => value(identifier, "IDValue") ?? []);
}

export const isbnOf = (product: Element) =>
  isbnsOf(product)
    .map(repairIsbn)
    .find((found) => found !== undefined);

/** @returns values that the schemas of the API have yet to accept */
export function membersOf(product: Element, defaults: Defaults, options: OnixOptions) {
  const repairs: Repair[] = [];
  const found = {
    title: titleOf(product, repairs),
    author: authorOf(product, repairs),
    price: priceOf(product, defaults, options),
    stock: stockOf(product, options),
    description: descriptionOf(product),
    publisher: publisherOf(product),
    published: publishedOf(product),
    language: languageOfProduct(product),
    format: formatOf(product),
    pages: pagesOf(product),
    cover_url: coverOf(product, repairs),
    subjects: subjectsOf(product, repairs),
  };
  const members = Object.fromEntries(Object.entries(found).filter(([, member]) => member !== undefined));
  return { members, repairs };
}

const MAX_TITLE = 255;

/** The distinctive title (list 15) at the level of the product (list 149), else the title of its collection. */
function titleOf(product: Element, repairs: Repair[]): string | undefined {
  const details = all(product, "DescriptiveDetail", "TitleDetail");
  const detail = ranked(details, "TitleType", ["01"])[0] ?? details[0];
  const elements = ranked(all(detail, "TitleElement"), "TitleElementLevel", ["01", "03", "04", "02"]);
  const element = elements.find((candidate) => titleText(candidate)) ?? elements[0];
  const title = element && titleText(element);
  if (!title) return undefined;
  const part = elements[0] === element ? undefined : value(elements[0], "PartNumber");
  const whole = part ? `${title}, ${part}` : title;
  const subtitle = value(element, "Subtitle");
  if (!subtitle) return whole;
  const both = `${whole}${/[?!:.…]$/.test(whole) ? "" : ":"} ${subtitle}`;
  if (both.length <= MAX_TITLE) return both;
  repairs.push("subtitle_left_out");
  return whole;
}

/** `The` and `Hobbit`, `L'` and `Étranger` */
function titleText(element: Element): string | undefined {
  const rest = value(element, "TitleWithoutPrefix");
  const prefix = value(element, "TitlePrefix");
  if (rest && prefix) return /['’]$/.test(prefix) ? prefix + rest : `${prefix} ${rest}`;
  return rest ?? value(element, "TitleText");
}

/** Recommended or fixed retail prices (list 58): with tax, else without. */
const PRICE_TYPES = ["02", "04", "01", "03"];

function priceOf(product: Element, defaults: Defaults, { currency }: OnixOptions): number | undefined {
  if (!currency) return undefined;
  const prices = all(product, "ProductSupply", "SupplyDetail", "Price").filter(
    (price) =>
      (value(price, "CurrencyCode") ?? defaults.currency) === currency && value(price, "PriceAmount"),
  );
  const [best] = ranked(prices, "PriceType", PRICE_TYPES, defaults.priceType);
  return best && Number(value(best, "PriceAmount"));
}

/** Available, from stock or to order (list 65). */
const AVAILABLE = /^2[0-3]$/;

function stockOf(product: Element, { stockIfAvailable }: OnixOptions): number | undefined {
  if (stockIfAvailable === undefined) return undefined;
  const codes = all(product, "ProductSupply", "SupplyDetail", "ProductAvailability");
  if (codes.length === 0) return undefined;
  return codes.some(({ text }) => AVAILABLE.test(text.trim())) ? stockIfAvailable : 0;
}

/** HTML, XML and XHTML (list 34). Some senders mark it as nothing. */
const MARKUP_FORMATS = new Set(["02", "03", "05"]);

function descriptionOf(product: Element): string | undefined {
  const [content] = ranked(all(product, "CollateralDetail", "TextContent"), "TextType", ["03"]);
  const [element] = all(content, "Text");
  if (!element) return undefined;
  const { text, markup, attributes } = element;
  if (markup !== undefined) return textOf(markup);
  const isMarkup = MARKUP_FORMATS.has(attributes.textformat ?? "") || looksLikeMarkup(text);
  return isMarkup ? textOf(looksLikeMarkup(text) ? text : withLines(text)) : tidied(text);
}

/** Text that is called HTML and has no tags: its lines are meant. */
const withLines = (text: string) => tidied(text).replaceAll("\n", "<br/>");

function publisherOf(product: Element): string | undefined {
  const imprint = value(all(product, "PublishingDetail", "Imprint")[0], "ImprintName");
  if (imprint) return imprint;
  const publishers = all(product, "PublishingDetail", "Publisher");
  return value(ranked(publishers, "PublishingRole", ["01"])[0] ?? publishers[0], "PublisherName");
}

/** The publication date (role 01) as a day, month or year (list 55), perhaps with a time. */
function publishedOf(product: Element): string | undefined {
  const [found] = ranked(all(product, "PublishingDetail", "PublishingDate"), "PublishingDateRole", ["01"]);
  const [date] = all(found, "Date");
  const format = date?.attributes.dateformat ?? value(found, "DateFormat") ?? "00";
  if (!date || !["00", "01", "05", "13", "14"].includes(format)) return undefined;
  const [, year, month, day] = date.text.trim().match(/^(\d{4})-?(\d{2})?-?(\d{2})?/) ?? [];
  if (!year || year === "0000") return undefined;
  if (!month || month === "00") return year;
  return day && day !== "00" ? `${year}-${month}-${day}` : `${year}-${month}`;
}

function languageOfProduct(product: Element): string | undefined {
  const [language] = ranked(all(product, "DescriptiveDetail", "Language"), "LanguageRole", ["01"]);
  const code = value(language, "LanguageCode");
  if (!code || code === "und" || code === "mul") return undefined;
  const country = value(language, "CountryCode");
  return languageOf(country ? `${code}-${country}` : code);
}

/** Of list 150. Other forms are `other`. */
const FORMAT_CODES: [RegExp, Format | undefined][] = [
  [/^(00|B[AIZ])$/, undefined],
  [/^B[BG]$/, "hardback"],
  [/^BC$/, "paperback"],
  [/^BH$/, "board_book"],
  [/^A/, "audiobook"],
  [/^E/, "ebook"],
  [/./, "other"],
];

function formatOf(product: Element): Format | undefined {
  const form = value(all(product, "DescriptiveDetail")[0], "ProductForm");
  if (!form) return undefined;
  const details = all(product, "DescriptiveDetail", "ProductFormDetail");
  if (/^E/.test(form) && details.some(({ text }) => /^A\d/.test(text.trim()))) return "audiobook";
  return FORMAT_CODES.find(([code]) => code.test(form))?.[1];
}

/** Pages of the main content, else of the whole (list 23). */
const PAGE_COUNTS = ["00", "11", "05", "07", "10", "06", "08"];

function pagesOf(product: Element): number | undefined {
  const extents = all(product, "DescriptiveDetail", "Extent").filter(
    (extent) => (value(extent, "ExtentUnit") ?? "03") === "03",
  );
  const counts = ranked(extents, "ExtentType", PAGE_COUNTS).map((extent) =>
    Number(value(extent, "ExtentValue")),
  );
  return counts.find((count) => Number.isInteger(count) && count > 0);
}

/** The front cover (list 158) in the version with the most pixels (list 162), else the first. */
function coverOf(product: Element, repairs: Repair[]): string | undefined {
  const covers = ranked(all(product, "CollateralDetail", "SupportingResource"), "ResourceContentType", [
    "01",
  ]);
  const versions = covers.flatMap((cover) => all(cover, "ResourceVersion"));
  const links = versions
    .map((version) => ({ link: value(version, "ResourceLink"), pixels: pixelsOf(version) }))
    .filter(({ link }) => link);
  const secure = links.filter(({ link }) => /^https:\/\/[^\s/]/i.test(link ?? ""));
  if (links.length > 0 && secure.length === 0) repairs.push("cover_left_out");
  return secure.sort((a, b) => b.pixels - a.pixels)[0]?.link;
}

function pixelsOf(version: Element): number {
  const sizes = ranked(all(version, "ResourceVersionFeature"), "ResourceVersionFeatureType", ["02", "03"]);
  const [height = 0, width = 0] = sizes.map((feature) => Number(value(feature, "FeatureValue")) || 0);
  return height * width;
}

const MAX_SUBJECTS = 20;
const MAX_SUBJECT = 100;
const KEYWORDS = "20";

/** Headings as they are given, the main subject first and keywords last. A code alone says nothing to a reader. */
function subjectsOf(product: Element, repairs: Repair[]): string[] | undefined {
  const subjects = all(product, "DescriptiveDetail", "Subject");
  const schemeOf = (subject: Element) => value(subject, "SubjectSchemeIdentifier");
  const rank = (subject: Element) =>
    schemeOf(subject) === KEYWORDS ? 2 : all(subject, "MainSubject").length > 0 ? 0 : 1;
  const headings = subjects
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((subject) => {
      const found = all(subject, "SubjectHeadingText").map(({ text }) => text.replace(/\s+/g, " "));
      return schemeOf(subject) === KEYWORDS ? found.flatMap((text) => text.split(";")) : found;
    });
  const distinct = [...new Set(headings.map((heading) => heading.trim()))].filter(Boolean);
  if (distinct.length === 0) return undefined;
  const kept = distinct.filter(({ length }) => length <= MAX_SUBJECT).slice(0, MAX_SUBJECTS);
  if (kept.length < distinct.length) repairs.push("subjects_left_out");
  return kept;
}
