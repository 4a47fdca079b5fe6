/** Refused rows in a file beside the input, each with its line and reason: corrected, the file can be imported. */
import { type FileHandle, open, readFile, truncate } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { recordText } from "../src/catalogue/csv-records.ts";
import { escaped } from "../src/catalogue/markup.ts";
import type { FileHeader, RefusedRow } from "../src/catalogue/rows.ts";
import { StartupError } from "../src/startup-error.ts";

interface Form {
  extension: string;
  head: string;
  tail: string;
  rowOf(row: RefusedRow, reason: string): string;
}

const FORMS: { [F in FileHeader["format"]]: (header: Extract<FileHeader, { format: F }>) => Form } = {
  csv: ({ headers, delimiter }) => ({
    extension: "csv",
    // The mark tells spreadsheets that it is UTF-8.
    head: `\ufeff${recordText(["refused_line", "refused_reason", ...headers], delimiter)}\r\n`,
    tail: "",
    rowOf: ({ line, source = "" }, reason) =>
      `${recordText([`${line}`, reason], delimiter)}${delimiter}${source}\r\n`,
  }),
  ndjson: () => ({
    extension: "ndjson",
    head: "",
    tail: "",
    rowOf({ line, source }, reason) {
      const refused = { line, reason };
      const isObject = source?.trimStart().startsWith("{") && isJson(source);
      if (!isObject) return `${JSON.stringify({ refused: { ...refused, source } })}\n`;
      const rest = source?.slice(source.indexOf("{") + 1).trimStart();
      return `{"refused":${JSON.stringify(refused)}${rest?.startsWith("}") ? "" : ","}${rest}\n`;
    },
  }),
  onix: ({ tag, attributes, header }) => ({
    extension: "xml",
    head: `<?xml version="1.0" encoding="UTF-8"?>\n${startOf(tag, attributes)}\n${header}\n`,
    tail: `</${tag}>\n`,
    // Two hyphens end a comment.
    rowOf: ({ line, source = "" }, reason) =>
      `<!-- line ${line}: ${reason.replaceAll("--", "- -")} -->\n${source}\n`,
  }),
};

const startOf = (tag: string, attributes: Record<string, string>) =>
  `<${tag}${Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escaped(value).replaceAll('"', "&quot;")}"`)
    .join("")}>`;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const reasonOf = ({ details }: RefusedRow) =>
  details.map(({ path, message }) => `${path} ${message}`.trim()).join("; ");

/** Removes the end of a file that goes on. */
async function withoutTail(path: string, tail: string): Promise<void> {
  const text = tail === "" ? "" : await readFile(path, "utf8").catch(() => "");
  if (text.endsWith(tail) && tail !== "") await truncate(path, Buffer.byteLength(text) - tail.length);
}

export class RefusedRows {
  readonly #input: string;
  readonly #isResumed: boolean;
  #form: Form | undefined;
  #handle: FileHandle | undefined;
  #waiting: string[] = [];
  #path: string | undefined;

  /** @param isResumed adds to the file that the interrupted import has left */
  constructor(input: string, isResumed: boolean) {
    this.#input = input;
    this.#isResumed = isResumed;
  }

  /** The file; undefined if there is none. */
  get path(): string | undefined {
    return this.#path;
  }

  begin(header: FileHeader): void {
    this.#form = FORMS[header.format](header as never);
  }

  add(row: RefusedRow): void {
    this.#waiting.push(this.#form?.rowOf(row, reasonOf(row)) ?? "");
  }

  /** Writes what was added. @throws StartupError if the disk is full */
  async flush(): Promise<void> {
    const text = this.#waiting.join("");
    this.#waiting = [];
    if (text !== "") await this.#write(text);
  }

  async end(): Promise<void> {
    if (this.#handle && this.#form?.tail) await this.#write(this.#form.tail);
    await this.#handle?.close();
  }

  async #write(text: string): Promise<void> {
    const { extension = "", head = "" } = this.#form ?? {};
    const name = this.#input === "-" ? "import" : basename(this.#input).replace(/(\.\w{1,6})?(\.gz)?$/i, "");
    const path = join(this.#input === "-" ? "." : dirname(this.#input), `${name}.refused.${extension}`);
    try {
      if (!this.#handle) {
        if (this.#isResumed) await withoutTail(path, this.#form?.tail ?? "");
        this.#handle = await open(path, this.#isResumed ? "a" : "w");
        this.#path = path;
        if ((await this.#handle.stat()).size === 0) await this.#handle.writeFile(head);
      }
      await this.#handle.writeFile(text);
    } catch (error) {
      throw new StartupError(`${path} cannot be written: ${(error as Error).message}.`);
    }
  }
}
