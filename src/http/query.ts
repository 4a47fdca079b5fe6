/** The parameters of a query, parsed by the URL standard. */
export interface Query {
  /** By name; a list for a repeated parameter. */
  parameters: Record<string, unknown>;
  /** The parameters whose name or value is not UTF-8; it was decoded with U+FFFD. */
  malformed: ReadonlySet<string>;
}

const EMPTY: Query = { parameters: {}, malformed: new Set() };

export function readQuery({ search, searchParams }: URL): Query {
  if (search === "") return EMPTY;
  // URLSearchParams skips empty pairs too.
  const pairs = isUtf8(search)
    ? []
    : search
        .slice(1)
        .split("&")
        .filter((pair) => pair !== "");
  const values = new Map<string, string[]>();
  const malformed = new Set<string>();
  let at = 0;
  for (const [name, value] of searchParams) {
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
    if (!isUtf8(pairs[at++] ?? "")) malformed.add(name);
  }
  const parameters = Array.from(values, ([name, all]) => [name, all.length === 1 ? all[0] : all]);
  return { parameters: Object.fromEntries(parameters), malformed };
}

/** Whether the percent-encoding of a text is UTF-8. A `%` that begins no escape is literal. */
function isUtf8(text: string): boolean {
  try {
    decodeURIComponent(text.replace(/%(?![\da-f]{2})/gi, "%25"));
    return true;
  } catch {
    return false;
  }
}
