/** What makes a text no well-formed XML, in the subset that the app writes: elements, attributes and character data. */
export function xmlFaults(text: string): string[] {
  const faults: string[] = [];
  const open: string[] = [];
  const [declaration = ""] = text.match(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/) ?? [];
  if (!declaration) faults.push("no declaration");
  const token = /<(\/?)([A-Za-z]+)((?: [a-z:A-Z]+="[^"<&]*")*)(\/?)>|[^<&>]+|&(?:amp|lt|gt|quot);/gy;
  token.lastIndex = declaration.length;
  let last = token.lastIndex;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    last = token.lastIndex;
    const [, end, name, , empty] = match;
    if (!name || empty) continue;
    if (!end) open.push(name);
    else if (open.pop() !== name) faults.push(`</${name}> closes nothing`);
  }
  if (last < text.length) faults.push(`not well-formed at ${text.slice(last, last + 40)}`);
  return [...faults, ...open.map((name) => `<${name}> is not closed`)];
}
