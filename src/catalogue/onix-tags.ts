/** The elements of ONIX that Octavo reads. */

/** Short tags of data elements. The short tag of a composite is its reference name in lower case. */
const SHORT_TAGS = new Map(
  Object.entries({
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
  }).map(([short, reference]) => [short, reference.toLowerCase()]),
);

/** Composites that hold them. */
const COMPOSITES = `header product productidentifier descriptivedetail titledetail titleelement contributor language extent
subject collateraldetail textcontent supportingresource resourceversion resourceversionfeature publishingdetail imprint
publisher publishingdate productsupply supplydetail price`;

const KNOWN = new Set([...COMPOSITES.split(/\s/), ...SHORT_TAGS.values()]);

/** An element by its reference name in lower case, whichever kind of tag it has. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
  /** The same with the XHTML in it, if there is any. Only of `Text`. */
  markup: string | undefined;
  children: Element[];
}

/** @returns undefined for an element that Octavo does not read */
export function nameOf(tag: string): string | undefined {
  const name = SHORT_TAGS.get(tag) ?? tag.toLowerCase();
  return KNOWN.has(name) ? name : undefined;
}

/** The children of that name along a path: `all(product, "DescriptiveDetail", "Contributor")`. */
export function all(element: Element | undefined, ...path: string[]): Element[] {
  let found = element ? [element] : [];
  for (const step of path) {
    const name = step.toLowerCase();
    found = found.flatMap(({ children }) => children.filter((child) => child.name === name));
  }
  return found;
}

/** The text of the first such child, tidied; undefined if it is missing or empty. */
export function value(element: Element | undefined, ...path: string[]): string | undefined {
  for (const { text } of all(element, ...path)) {
    const trimmed = text.replace(/\s+/g, " ").trim();
    if (trimmed) return trimmed;
  }
  return undefined;
}

/** The elements sorted by the place of a child's code in a list; others are left out. */
export function ranked(
  elements: Element[],
  code: string,
  codes: readonly string[],
  fallback?: string,
): Element[] {
  const place = (element: Element) => codes.indexOf(value(element, code) ?? fallback ?? "");
  return elements.filter((element) => place(element) >= 0).sort((a, b) => place(a) - place(b));
}
