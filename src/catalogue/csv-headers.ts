/** Which member of a book a column holds, by what its header says in four languages. */
import { CatalogueError, MEMBERS, type Member, type NamedColumn } from "./rows.ts";

/** Headers without case, accents, spaces and marks, beside the name of the member. In docs/catalogues.md as a table. */
export const SYNONYMS: Partial<Record<Member | "isbn", string>> = {
  isbn: `isbn isbn13 isbn10 isbn13ean eanisbn isbnean ean ean13 gtin gtin13 barcode isbnnumber isbnnummer isbnnr strichcode
    codebarres numeroisbn codigodebarras`,
  title: "title booktitle producttitle titel buchtitel haupttitel titre titulo",
  author: `author authors authorname authornames writer writers creator contributor contributors autor autoren autorin
    verfasser auteur auteurs autores autora`,
  price: `price unitprice retailprice listprice sellingprice rrp preis verkaufspreis ladenpreis bruttopreis vk vkpreis prix
    prixttc prixpublic prixdevente precio preciodeventa pvp`,
  stock: `stock qty quantity onhand quantityonhand qtyonhand instock inventory available copies bestand lagerbestand menge
    anzahl stuck quantite enstock quantiteenstock exemplaires cantidad existencias unidades`,
  description: `description desc summary blurb synopsis annotation beschreibung kurzbeschreibung inhalt klappentext
    descriptif resume descripcion resumen sinopsis`,
  publisher: "publisher publishername imprint verlag verlagsname editeur maisondedition editorial",
  published: `published publicationdate publishdate publisheddate datepublished pubdate publicationyear publishyear
    yearpublished yearofpublication year releasedate erscheinungsdatum erscheinungstermin erscheinungsjahr erschienen jahr
    dateparution datedeparution parution anneedeparution datedepublication annee fechadepublicacion
    fechapublicacion fechadeedicion anodepublicacion anodeedicion ano originalpublicationyear`,
  language: "language languagecode lang sprache langue idioma lengua",
  format: "format bookformat binding einband einbandart bindung reliure encuadernacion formato",
  pages: `pages numpages pagecount numberofpages seiten seitenzahl seitenanzahl nombredepages nbpages nbrepages paginas
    numerodepaginas`,
  cover_url: `coverurl cover coverimage coverimageurl imageurl image imagelink bild bildurl coverbild couverture portada
    imagen urlimagen`,
  subjects: `subjects subject genres genre categories category tags keywords themen thema schlagworte schlagworter
    kategorie kategorien sujets sujet themes theme motscles materias materia temas tema categorias categoria generos
    genero`,
};

const NAMES = ["isbn", ...MEMBERS] as const;

const MEMBER_BY_NAME = new Map(
  NAMES.flatMap((member) =>
    [member, ...(SYNONYMS[member]?.split(/\s+/) ?? [])].map((name) => [name, member] as const),
  ),
);

/** A currency after the name of a price: `Price (GBP)`. */
const CURRENCY = /(?:in)?(?:eur|euro|usd|gbp|chf|cad|aud|nzd|sek|nok|dkk|pln|czk|mxn|ars|brl|inr|jpy)$/;

export function memberNamed(header: string): Member | "isbn" | undefined {
  const name = normalized(header);
  const member = MEMBER_BY_NAME.get(name) ?? MEMBER_BY_NAME.get(header.trim());
  if (member) return member;
  return MEMBER_BY_NAME.get(name.replace(CURRENCY, "")) === "price" ? "price" : undefined;
}

const normalized = (header: string) =>
  header
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replace(/[^\p{L}\p{N}]/gu, "");

/** What a header names, by the header; an empty name ignores the column. */
export type ColumnMap = Readonly<Record<string, string>>;

/**
 * @param map comes before the synonyms: a member that it gives to a column is not looked for elsewhere
 * @throws CatalogueError if a column of the map is missing, or if two columns hold the same member
 */
export function columnsOf(headers: string[], map: ColumnMap = {}): NamedColumn[] {
  for (const [header, member] of Object.entries(map)) {
    if (!headers.some((name) => isSame(name, header)))
      throw new CatalogueError(
        `There is no column ${JSON.stringify(header)}. There are: ${listed(headers)}.`,
      );
    if (member !== "" && !NAMES.includes(member as Member))
      throw new CatalogueError(`A book has no ${JSON.stringify(member)}. It has: ${NAMES.join(", ")}.`);
  }
  const mapped = new Set(Object.values(map));
  const columns = headers.flatMap((header, index): NamedColumn[] => {
    const given = Object.entries(map).find(([name]) => isSame(name, header))?.[1];
    const member = given === undefined ? memberNamed(header) : given;
    if (!member || (given === undefined && mapped.has(member))) return [];
    return [{ index, header: header.trim(), member: member as Member | "isbn" }];
  });
  refuseDuplicates(columns);
  return columns;
}

/** Several columns may hold ISBNs, as ISBN-10 and ISBN-13, but not under the same header. */
function refuseDuplicates(columns: NamedColumn[]): void {
  for (const column of columns) {
    const earlier = columns.find(
      ({ index, header, member }) =>
        index < column.index &&
        member === column.member &&
        (member !== "isbn" || normalized(header) === normalized(column.header)),
    );
    if (earlier)
      throw new CatalogueError(
        `The columns ${JSON.stringify(earlier.header)} (${earlier.index + 1}) and ${JSON.stringify(column.header)} (${column.index + 1}) both hold the ${column.member}: map the one to use, or ignore the other.`,
      );
  }
}

const isSame = (header: string, name: string) => header.trim() === name.trim();

/** Names of columns for an error message, which must not outgrow a line. */
export function listed(headers: string[]): string {
  const names = headers.map((header) => JSON.stringify(header.trim().slice(0, 40).toWellFormed()));
  return names.length > 30
    ? `${names.slice(0, 30).join(", ")} and ${names.length - 30} more`
    : names.join(", ");
}
