/** The page that imports a file: a form, which the script turns into an upload, and the report. */
import * as contract from "./books-contract.ts";
import type { Desk } from "./desk.ts";
import { Fault, Field } from "./fields.tsx";
import {
  COUNTS,
  emptyReport,
  type Faults,
  headingOf,
  notesOn,
  type Report,
  reasonOf,
  refusedFile,
} from "./import-report.ts";
import { FormToken } from "./layout.tsx";

export interface ImportDraft {
  defaultPrice: string;
  faults: Faults;
  isCheck: boolean;
  /** What became of the file that was sent. */
  report: Report | undefined;
}

export function ImportPage({ desk, draft }: { desk: Desk; draft: ImportDraft }) {
  const { defaultPrice, faults, report, isCheck } = draft;
  return (
    <>
      <h1 class="title">Import a file</h1>
      <p class="note">
        CSV, NDJSON or ONIX 3. Each row is a book, found by its ISBN: it is added, or changed where the file
        says something else.
      </p>
      <form
        id="import"
        class="book-form"
        method="post"
        action={contract.importForm.path}
        enctype="multipart/form-data"
        data-upload={contract.importFile.path}
        novalidate
      >
        <FormToken desk={desk} />
        <div class="field drop">
          <label for="file">The file</label>
          <input
            id="file"
            type="file"
            name="file"
            accept=".csv,.txt,.tsv,.ndjson,.jsonl,.xml,.onix,.gz"
            aria-invalid={faults.file ? "true" : undefined}
            aria-describedby={faults.file ? "file-fault" : undefined}
          />
          <p class="hint" data-drop hidden>
            You can drop it anywhere on this page.
          </p>
          {faults.file && <Fault name="file" fault={faults.file} />}
        </div>
        <Field
          name="default_price"
          label={`Price of new books without one (${desk.site.currency})`}
          value={defaultPrice}
          fault={faults.default_price}
          inputmode="decimal"
          autocomplete="off"
        />
        <p class="ways">
          <button type="submit" class="button" name="action" value="check">
            Check
          </button>{" "}
          <button type="submit" class="button plain" name="action" value="import">
            Import
          </button>{" "}
          <button type="button" class="button plain" data-cancel hidden>
            Cancel
          </button>
        </p>
        <progress max="1" value="0" aria-label="Uploaded" hidden />
        <p role="status" data-status />
      </form>
      <ReportSection report={report ?? emptyReport()} isCheck={isCheck} isShown={report !== undefined} />
    </>
  );
}

interface ReportProps {
  report: Report;
  isCheck: boolean;
  isShown: boolean;
}

/** The script fills in what it finds here by its `data-` attributes. */
function ReportSection({ report, isCheck, isShown }: ReportProps) {
  const { counts, refused } = report;
  return (
    <section id="report" aria-labelledby="report-title" hidden={!isShown}>
      <h2 id="report-title" data-heading>
        {isShown && headingOf(report, isCheck)}
      </h2>
      <ul data-notes>{isShown && notesOn(report, isCheck).map((note) => <li>{note}</li>)}</ul>
      <dl class="counts">
        {Object.entries(COUNTS).map(([name, label]) => (
          <div>
            <dt>{label}</dt>
            <dd data-count={name}>{counts[name as keyof typeof COUNTS] ?? 0}</dd>
          </div>
        ))}
      </dl>
      <div data-refused hidden={refused.length === 0}>
        <h2 id="refused">Refused rows</h2>
        <p class="ways">
          <a class="button plain" download="refused.csv" href={dataUrl(refused)} data-file>
            Download them
          </a>
        </p>
        <table class="rows" aria-labelledby="refused">
          <thead>
            <tr>
              <th scope="col">Row</th>
              <th scope="col">ISBN</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {refused.map((row) => (
              <tr>
                <td>{row.row}</td>
                <td>{row.isbn ?? ""}</td>
                <td>{reasonOf(row)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const dataUrl = (refused: Report["refused"]): string =>
  `data:text/csv;charset=utf-8,${encodeURIComponent(refusedFile(refused))}`;
