/** Uploads a file to import: by dropping it, with progress, live counts, and the refused rows as a file. */
import { capitalized } from "../capitalized.ts";
import {
  addLine,
  COUNTS,
  emptyReport,
  type Faults,
  faultsIn,
  headingOf,
  notesOn,
  type Report,
  reasonOf,
  refusedFile,
} from "../import-report.ts";

/** An element of the page; the page always has it. */
const find = <E extends HTMLElement>(within: ParentNode, selector: string): E =>
  within.querySelector(selector) as E;

function start(form: HTMLFormElement, section: HTMLElement): void {
  const input = find<HTMLInputElement>(form, "[type=file]");
  const upload = new Upload(form, section);
  find(form, "[data-drop]").hidden = false;
  input.addEventListener("change", () => {
    if (input.files?.length) upload.run(input.files[0], true);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const isCheck = (event.submitter as HTMLButtonElement | null)?.value !== "import";
    upload.run(input.files?.[0], isCheck);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  addEventListener("dragleave", () => form.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (upload.isRunning || !event.dataTransfer?.files.length) return;
    input.files = event.dataTransfer.files;
    upload.run(input.files[0], true);
  });
}

class Upload {
  readonly #form: HTMLFormElement;
  readonly #section: HTMLElement;
  readonly #progress: HTMLProgressElement;
  readonly #cancel: HTMLButtonElement;
  #request: XMLHttpRequest | undefined;
  #report: Report = emptyReport();
  #isCheck = true;
  /** How much of the response has been read. */
  #read = 0;

  constructor(form: HTMLFormElement, section: HTMLElement) {
    this.#form = form;
    this.#section = section;
    this.#progress = find(form, "progress");
    this.#cancel = find(form, "[data-cancel]");
    this.#cancel.addEventListener("click", () => this.#request?.abort());
  }

  get isRunning(): boolean {
    return this.#request !== undefined;
  }

  /** Checks or imports a file. */
  async run(file: File | undefined, isCheck: boolean): Promise<void> {
    if (this.#request) return;
    this.#mark({ file: file ? undefined : "is required" });
    if (!file) return;
    this.#report = emptyReport();
    this.#isCheck = isCheck;
    this.#read = 0;
    const request = new XMLHttpRequest();
    this.#request = request;
    this.#setRunning(true);
    this.#say(isCheck ? "Checking …" : "Importing …");
    const isGzip = await startsAsGzip(file).catch(() => undefined);
    if (isGzip === undefined) {
      this.#stop("The file cannot be read.");
      return this.#end();
    }
    this.#send(request, file, isGzip);
  }

  #send(request: XMLHttpRequest, file: File, isGzip: boolean): void {
    request.open("POST", this.#address());
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-Form-Token", find<HTMLInputElement>(this.#form, "[name=form_token]").value);
    if (isGzip) request.setRequestHeader("Content-Encoding", "gzip");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      this.#progress.value = total ? loaded / total : 0;
    });
    request.addEventListener("progress", () => this.#take(request));
    request.addEventListener("load", () => this.#take(request));
    request.addEventListener("abort", () => this.#stop("You cancelled it."));
    request.addEventListener("error", () => this.#stop("The connection broke."));
    request.addEventListener("loadend", () => this.#end());
    request.send(file);
  }

  #address(): string {
    const price = find<HTMLInputElement>(this.#form, "[name=default_price]").value;
    const query = new URLSearchParams({ dry_run: `${this.#isCheck}`, default_price: price });
    return `${this.#form.dataset.upload}?${query}`;
  }

  /** Reads the lines that have arrived. A problem is one line, too. */
  #take({ status, responseText, readyState }: XMLHttpRequest): void {
    const isOver = readyState === XMLHttpRequest.DONE;
    if (status !== 200 && !isOver) return;
    const end = isOver ? responseText.length : responseText.lastIndexOf("\n") + 1;
    const text = responseText.slice(this.#read, end);
    this.#read = Math.max(this.#read, end);
    try {
      for (const line of text.split("\n")) if (line !== "") addLine(this.#report, line);
    } catch {
      this.#stop("The answer cannot be read.");
    }
    this.#show();
  }

  #stop(message: string): void {
    const { counts } = this.#report;
    const hint = this.#isCheck || !counts.rows ? "" : " Import the file again: what is there stays as it is.";
    this.#report.problem ??= { message: message + hint };
  }

  #end(): void {
    const { summary, problem } = this.#report;
    if (!summary && !problem) this.#stop("The answer is incomplete.");
    this.#request = undefined;
    this.#setRunning(false);
    const faults = faultsIn(this.#report);
    this.#mark(faults);
    const isRefused = Object.keys(faults).length > 0;
    this.#section.hidden = isRefused;
    if (isRefused) this.#say("");
    else this.#conclude();
  }

  #conclude(): void {
    this.#show(true);
    const { created = 0, updated = 0, refused = 0 } = this.#report.counts;
    const heading = headingOf(this.#report, this.#isCheck);
    this.#say(`${heading}. ${created} new, ${updated} changed, ${refused} refused.`, false);
  }

  #setRunning(isRunning: boolean): void {
    this.#progress.hidden = !isRunning;
    this.#progress.value = 0;
    this.#cancel.hidden = !isRunning;
    for (const button of this.#form.querySelectorAll<HTMLButtonElement>("[name=action]")) {
      button.disabled = isRunning;
      // What to do next stands out: once a file is checked, that is to import it.
      const isNext = (button.value === "import") === (this.#isCheck && this.#report.summary !== undefined);
      button.classList.toggle("plain", !isNext);
    }
  }

  /** Says what is wrong with the fields, as the server does without a script. */
  #mark(faults: Faults): void {
    for (const name of ["file", "default_price"] as const) {
      const field = find(this.#form, `[name=${name}]`);
      const id = `${name}-fault`;
      this.#form.querySelector(`#${id}`)?.remove();
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
      const fault = faults[name];
      if (!fault) continue;
      const element = Object.assign(elementOf("p", capitalized(fault)), {
        id,
        className: "fault",
        role: "alert",
      });
      field.closest(".field")?.append(element);
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", id);
    }
  }

  /** Says what happens, or to screen readers alone what the page shows anyway. */
  #say(text: string, isShown = true): void {
    const status = find(this.#form, "[data-status]");
    status.textContent = text;
    status.classList.toggle("hidden", !isShown);
  }

  #show(isOver = false): void {
    const section = this.#section;
    section.hidden = false;
    find(section, "[data-heading]").textContent = isOver ? headingOf(this.#report, this.#isCheck) : "So far";
    const notes = isOver ? notesOn(this.#report, this.#isCheck) : [];
    find(section, "[data-notes]").replaceChildren(...notes.map((note) => elementOf("li", note)));
    for (const name of Object.keys(COUNTS) as (keyof typeof COUNTS)[])
      find(section, `[data-count=${name}]`).textContent = `${this.#report.counts[name] ?? 0}`;
    this.#showRefused(isOver);
  }

  #showRefused(isOver: boolean): void {
    const { refused } = this.#report;
    const part = find(this.#section, "[data-refused]");
    part.hidden = refused.length === 0;
    const rows = find(part, "tbody");
    if (rows.childElementCount > refused.length) rows.replaceChildren();
    for (const row of refused.slice(rows.childElementCount)) {
      const line = document.createElement("tr");
      line.append(...[`${row.row}`, row.isbn ?? "", reasonOf(row)].map((text) => elementOf("td", text)));
      rows.append(line);
    }
    if (!isOver || refused.length === 0) return;
    const file = find<HTMLAnchorElement>(part, "[data-file]");
    URL.revokeObjectURL(file.href);
    file.href = URL.createObjectURL(new Blob([refusedFile(refused)], { type: "text/csv" }));
  }
}

function elementOf(name: "li" | "td" | "p", text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

/** A folder, or a file that has gone meanwhile, cannot be read. */
async function startsAsGzip(file: File): Promise<boolean> {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return first === 0x1f && second === 0x8b;
}

const form = document.querySelector<HTMLFormElement>("#import");
const report = document.querySelector<HTMLElement>("#report");
if (form && report) start(form, report);
