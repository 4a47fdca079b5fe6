/** Tantivy as a peer of the search, by its Python package. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { StartupError } from "../src/startup-error.ts";

const SCRIPT = fileURLToPath(new URL("search_tantivy.py", import.meta.url));

/**
 * Searches the books with BM25 over title and author, and again with fuzzy words.
 *
 * @returns the first ten titles of each query, by the name of the way
 * @throws StartupError if Python or the package is missing
 */
export async function searchWithTantivy(
  books: { title: string; author: string }[],
  queries: string[],
): Promise<Record<string, string[][]>> {
  const python = spawn("python3", [SCRIPT]);
  // If Python ends early, its error says why.
  python.stdin.on("error", () => {});
  python.stdin.end(JSON.stringify({ books, queries }));
  const output = text(python.stdout);
  const errors = text(python.stderr);
  const [code] = await once(python, "close").catch(() => [undefined]);
  if (code === undefined) throw new StartupError("--tantivy needs Python: there is no python3 on the PATH.");
  if ((await errors).includes("No module named 'tantivy'"))
    throw new StartupError("--tantivy needs the Python package: python3 -m pip install tantivy.");
  if (code !== 0) throw new StartupError(`Tantivy failed: ${(await errors).trim().split("\n").at(-1)}`);
  return JSON.parse(await output);
}
