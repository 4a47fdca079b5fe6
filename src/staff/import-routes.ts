/** Imports of files, by a form and by uploads: the importer, the limits and the report of the API. */
import * as z from "zod";
import { writable } from "../books/book.ts";
import type { ImportQuery } from "../catalogue/import-contract.ts";
import { chunksOf } from "../catalogue/transfers.ts";
import type { Api } from "../http/api.ts";
import { textOf } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import { Problem, validationFailed } from "../http/problem.ts";
import { stream } from "../http/route.ts";
import { membersIn } from "./book-texts.ts";
import * as contract from "./books-contract.ts";
import type { Counter } from "./counter.ts";
import { type ImportDraft, ImportPage } from "./import-page.tsx";
import { addLine, emptyReport, faultsIn, type Report } from "./import-report.ts";
import type { Numbers } from "./numbers.ts";
import type { Staff } from "./staff.ts";

const FILE = ["application/octet-stream"];

export function importRoutes(api: Api, staff: Staff, counter: Counter, numbers: Numbers): void {
  const { transfers, importMaxBytes } = counter;
  const show = (context: HandlerContext, url: URL, draft: ImportDraft, status = 200) =>
    staff.reply(context, url, { title: "Import a file", place: "books", status }, (desk) =>
      ImportPage({ desk, draft }),
    );

  api.page(contract.showImport, async ({ url }, context) =>
    show(context, url, { defaultPrice: "", faults: {}, isCheck: true, report: undefined }),
  );

  api.page(contract.importForm, async ({ form, url }, context) => {
    const file = form.get("file");
    const defaultPrice = textOf(form, "default_price");
    const isCheck = textOf(form, "action") !== "import";
    const { query, fault } = queryOf(defaultPrice, isCheck, numbers);
    const isMissing = !(file instanceof File) || file.size === 0;
    const faults = { file: isMissing ? "is required" : undefined, default_price: fault };
    if (isMissing || fault)
      return show(context, url, { defaultPrice, faults, isCheck, report: undefined }, 422);
    const { report, status } = await reported(async () => {
      const begun = await transfers.import(query, chunksOf(file.stream()), undefined, context);
      return begun.stream();
    });
    const refusal = faultsIn(report);
    const isRefused = Object.keys(refusal).length > 0;
    const draft = { defaultPrice, faults: refusal, isCheck, report: isRefused ? undefined : report };
    return show(context, url, draft, status);
  });

  const upload = {
    ...contract.importFile,
    body: stream({ types: FILE, maxBytes: importMaxBytes, gzip: true }),
  };
  api.page(upload, async ({ query: { dry_run = false, default_price = "" }, body }, context) => {
    const { query, fault } = queryOf(default_price, dry_run, numbers);
    if (fault)
      throw validationFailed([
        { in: "query", path: "default_price", code: "invalid_format", message: fault },
      ]);
    const report = await transfers.import(query, chunksOf(body), undefined, context);
    return { status: 200, body: report.stream(), headers: { "Content-Type": "application/x-ndjson" } };
  });
}

/** What a form asks for. Its price is in the shop's numbers. */
function queryOf(
  defaultPrice: string,
  isCheck: boolean,
  numbers: Numbers,
): { query: ImportQuery; fault?: string } {
  const typed = defaultPrice.trim() === "" ? {} : { price: defaultPrice };
  const { members, faults } = membersIn(z.object({ price: writable.price.optional() }), typed, numbers);
  return {
    query: { dry_run: isCheck, default_price: members?.price },
    ...(faults.price && { fault: faults.price }),
  };
}

/** Reads the report of an import to its end, and why it has ended early. */
async function reported(
  begin: () => Promise<ReadableStream<Uint8Array>>,
): Promise<{ report: Report; status: number }> {
  const report = emptyReport();
  const decoder = new TextDecoder();
  let text = "";
  let status = 200;
  try {
    for await (const chunk of chunksOf(await begin())) text += decoder.decode(chunk, { stream: true });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    report.problem = error;
    status = error.status;
  }
  for (const line of text.split("\n")) if (line !== "") addLine(report, line);
  return { report, status };
}
