/** Checks one tool: its client is made, compiles, and holds what a caller needs. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isbnOf } from "../support/books.ts";
import { tokenFor } from "../support/token.ts";
import { CACHE, isInstalled, type Tool } from "./tool.ts";

/** The steps of a check, which are the columns of the table. */
export const STEPS = ["made", "compiled", "lists", "creates", "409", "422"] as const;

export interface Result {
  tool: string;
  /** Why the tool is left out, such as a command that is missing. */
  skipped?: string;
  /** The steps that succeeded. */
  passed: (typeof STEPS)[number][];
  /** What went wrong first. */
  failure?: string;
}

/** Counts the books that programs create, so that each has an ISBN of its own. */
let books = 500;

export async function checkTool(tool: Tool, url: string): Promise<Result> {
  const skipped = missingOf(tool.needs);
  if (skipped) return { tool: tool.name, skipped, passed: [] };
  const directory = join(tool.home ?? CACHE, "work", `${tool.name}-${process.pid}`);
  const passed: Result["passed"] = [];
  try {
    await mkdir(directory, { recursive: true });
    const document = join(directory, "openapi.json");
    await writeFile(document, await (await fetch(`${url}/openapi.json`)).text());
    const environment = {
      OCTAVO_URL: url,
      OCTAVO_TOKEN: await tokenFor("editor"),
      OCTAVO_ISBN: isbnOf(books++),
    };
    const site = { directory, document, environment };
    await tool.make(site);
    passed.push("made");
    const missing = missingOf(tool.needsToCompile);
    if (missing) return { tool: tool.name, skipped: missing, passed };
    await tool.compile(site);
    passed.push("compiled");
    const expected = await expectedLines(url);
    const printed = await tool.run(site);
    const lines = printed.split("\n");
    passed.push(...STEPS.filter((step) => step in expected && lines.includes(`${expected[step]}`)));
    if (passed.length === STEPS.length) return { tool: tool.name, passed };
    const wanted = Object.values(expected).join("\n");
    return { tool: tool.name, passed, failure: `expected:\n${wanted}\nprinted:\n${printed.slice(0, 2000)}` };
  } catch (error) {
    return { tool: tool.name, passed, failure: (error as Error).message };
  } finally {
    if (!process.env.OCTAVO_KEEP_CLIENTS) await rm(directory, { recursive: true, force: true });
  }
}

/** Says which commands are missing; undefined if none is. */
function missingOf(commands: readonly string[] = []): string | undefined {
  const missing = commands.filter((command) => !isInstalled(command));
  return missing.length > 0 ? `needs ${missing.join(" and ")}` : undefined;
}

/** What a program prints if its client holds all of it: a price beyond float32, null, and the members of single errors. */
async function expectedLines(url: string): Promise<Record<string, string>> {
  const response = await fetch(`${url}/api/v1/books?page=1&limit=2`);
  const page = (await response.json()) as { data: { title: string }[]; total_pages: number };
  return {
    lists: `lists ${page.data[0]?.title} ${page.total_pages}`,
    creates: "creates 1234567.89 null",
    409: "409 insufficient_stock 3",
    422: "422 isbn invalid_isbn",
  };
}
