/** The elements of ONIX that Octavo reads. */

/** Data elements, by their short tags. */
const DATA_ELEMENTS = {
  a002: "NotificationType",
  b012: "ProductForm",
  b029: "Subtitle",
  b030: "TitlePrefix",
  b031: "TitleWithoutPrefix",
  b034: "SequenceNumber",
  b035: "ContributorRole",
  b036: "PersonName",
  b037: "PersonNameInverted",
  b039: "NamesBeforeKey",
  b040: "KeyNames",
  b041: "NamesAfterKey",
  b047: "CorporateName",
  b049: "ContributorStatement",
  b067: "SubjectSchemeIdentifier",
  b070: "SubjectHeadingText",
  b079: "ImprintName",
  b081: "PublisherName",
  b202: "TitleType",
  b203: "TitleText",
  b218: "ExtentType",
  b219: "ExtentValue",
  b220: "ExtentUnit",
  b221: "ProductIDType",
  b244: "IDValue",
  b247: "PrefixToKey",
  b248: "SuffixToKey",
  b249: "UnnamedPersons",
  b251: "CountryCode",
  b252: "LanguageCode",
  b253: "LanguageRole",
  b291: "PublishingRole",
  b306: "Date",
  b333: "ProductFormDetail",
  d104: "Text",
  j151: "PriceAmount",
  j152: "CurrencyCode",
  j260: "DateFormat",
  j396: "ProductAvailability",
  m186: "DefaultCurrencyCode",
  x310: "DefaultPriceType",
  x409: "TitleElementLevel",
  x410: "PartNumber",
  x425: "MainSubject",
  x426: "TextType",
  x435: "ResourceLink",
  x436: "ResourceContentType",
  x439: "FeatureValue",
  x442: "ResourceVersionFeatureType",
  x448: "PublishingDateRole",
  x462: "PriceType",
};

/** Composites that hold them. Their short tags are their names in lower case. */
const COMPOSITES =
  `Header Product ProductIdentifier DescriptiveDetail TitleDetail TitleElement Contributor Language Extent
Subject CollateralDetail TextContent SupportingResource ResourceVersion ResourceVersionFeature PublishingDetail Imprint
Publisher PublishingDate ProductSupply SupplyDetail Price`.split(/\s/);

const NAMES = new Map<string, string>([
  ...Object.entries(DATA_ELEMENTS),
  ...Object.values(DATA_ELEMENTS).map((name) => [name, name] as const),
  ...COMPOSITES.flatMap((name) => [[name, name] as const, [name.toLowerCase(), name] as const]),
]);

/** An element by its reference name, whichever kind of tag it has. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
  /** The same with the XHTML in it, if there is any. Only of `Text`. */
  markup: string | undefined;
  children: Element[];
}

/** @returns the reference name, or undefined for an element that Octavo does not read */
export const nameOf = (tag: string): string | undefined => NAMES.get(tag);

/** The children of that name along a path: `all(product, "DescriptiveDetail", "Contributor")`. */
export function all(element: Element | undefined, ...path: string[]): Element[] {
  let found = element ? [element] : [];
  for (const name of path) {
    const next: Element[] = [];
    for (const { children } of found) for (const child of children) if (child.name === name) next.push(child);
    found = next;
  }
  return found;
}

/** The text of the first such child that has any, tidied. */
export function value(element: Element | undefined, name: string): string | undefined {
  if (!element) return undefined;
  for (const child of element.children) {
    const text = child.name === name ? child.text.replace(/\s+/g, " ").trim() : "";
    if (text) return text;
  }
  return undefined;
}

/** The elements sorted by the place of a child's code in a list; others are left out. */
export function ranked(
  elements: Element[],
  code: string,
  codes: readonly string[],
  fallback = "",
): Element[] {
  return elements
    .map((element) => ({ element, place: codes.indexOf(value(element, code) ?? fallback) }))
    .filter(({ place }) => place >= 0)
    .sort((a, b) => a.place - b.place)
    .map(({ element }) => element);
}
