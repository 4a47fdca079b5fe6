/**
 * Paths in the order in which Hono is to try them, so that literal segments win over parameters, for every method. The part
 * of a path before its last parameter, such as `/books/isbn`, is literal even if it has no routes of its own.
 */
export function matchOrder(paths: readonly string[]): string[] {
  const prefixes = paths.flatMap((path) => path.match(/^.*\/[^:/]+(?=\/:)/)?.[0] ?? []);
  // Sorts a parameter after every literal segment.
  const rank = (path: string) => path.replaceAll("/:", "/\uffff");
  return [...new Set([...paths, ...prefixes])].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
