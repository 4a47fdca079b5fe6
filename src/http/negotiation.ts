/** What a client accepts, by the qualities in Accept and Accept-Encoding (RFC 9110, 12.5). */

/** The qualities in a header, by name in lower case, without parameters. A malformed one counts as 1. */
function qualitiesOf(header: string): Map<string, number> {
  return new Map(
    header.split(",").map((element) => {
      const [name = "", ...parameters] = element.split(";").map((part) => part.trim().toLowerCase());
      const [, quality] =
        parameters.map((parameter) => parameter.match(/^q=([01](?:\.\d{0,3})?)$/)).find(Boolean) ?? [];
      return [name, Number(quality ?? 1)];
    }),
  );
}

/**
 * The media type that a client prefers. Of those that it likes equally, the first wins.
 *
 * @param types media types, with or without parameters
 */
export function preferredType(accept: string | null, types: readonly string[]): string | undefined {
  if (!accept?.trim()) return types[0];
  const qualities = qualitiesOf(accept);
  const qualityOf = (type: string) => {
    const name = type.replace(/;.*/, "");
    return qualities.get(name) ?? qualities.get(name.replace(/\/.*/, "/*")) ?? qualities.get("*/*") ?? 0;
  };
  const best = Math.max(...types.map(qualityOf));
  return best > 0 ? types.find((type) => qualityOf(type) === best) : undefined;
}

export function acceptsGzip(acceptEncoding: string | null): boolean {
  const qualities = qualitiesOf(acceptEncoding ?? "");
  return (qualities.get("gzip") ?? qualities.get("*") ?? 0) > 0;
}

const JSON_TYPES = ["application/json", "application/problem+json"];

/** Whether a client asks for a page, where both are at hand: it prefers HTML to JSON, or takes anything. */
export const wantsPage = ({ headers }: Request): boolean =>
  !JSON_TYPES.includes(preferredType(headers.get("Accept"), ["text/html", ...JSON_TYPES]) ?? "");

/** Whether a client names HTML, as browsers do when they open an address. */
export const namesHtml = ({ headers }: Request): boolean =>
  preferredType(headers.get("Accept"), [...JSON_TYPES, "text/html"]) === "text/html";
