/** The form of the till, of goods in and of the count: sent step by step, so that the scanner never has to wait. */
import {
  after,
  type Draft,
  type Fields,
  fieldsOf,
  isSaving,
  isScan,
  keep,
  recall,
  type Step,
} from "./draft.ts";
import { editOf, typingIn } from "./editing.ts";
import { listen } from "./scanner.ts";
import type { Sounds } from "./sounds.ts";

const PATIENCE_MS = 15_000;
const OFFLINE = "The shop cannot be reached. What you scan is kept, and is sent when it can be.";
/** Statuses after which the same step may succeed later. */
const PASSING = [408, 409, 429];
/** Statuses of a session that is over: another one needs the page anew. */
const SIGNED_OUT = [401, 403];

const NOTHING: Step = { fields: [] };

const scanOf = (text: string): Fields => (text === "" ? [] : [["scan", text]]);

export class ScanForm {
  readonly #form: HTMLFormElement;
  readonly #sounds: Sounds;
  readonly #scan: HTMLInputElement;
  /** Only where one counts. */
  readonly #count: HTMLInputElement | null;
  readonly #lines: HTMLElement;
  readonly #status: HTMLElement;
  readonly #away: HTMLElement;
  #draft: Draft;
  #isSending = false;

  constructor(form: HTMLFormElement, sounds: Sounds) {
    const find = <E extends HTMLElement>(selector: string) => form.querySelector<E>(selector) as E;
    this.#form = form;
    this.#sounds = sounds;
    this.#scan = find("#scan");
    this.#count = find("#count");
    this.#lines = find("#lines");
    this.#status = find("#status");
    this.#away = find("#away");
    this.#draft = { fields: fieldsOf(form), steps: [] };
  }

  start(): void {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#press(event.submitter as HTMLButtonElement | null);
    });
    this.#lines.addEventListener("change", ({ target }) => {
      const step = editOf(target as HTMLInputElement);
      if (step) this.#take(step);
    });
    this.#lines.addEventListener("input", () => this.#keep());
    listen(this.#scan, (text, into) => this.#scanned(text, into));
    addEventListener("online", () => this.#send());
    // The browser may show the page as it was before it was saved.
    addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
    this.#recall();
  }

  /** Goes on where the tab was before. Whoever pressed "Sell" has to look again before that happens. */
  #recall(): void {
    const kept = recall();
    if (!kept) return;
    const hasLines = this.#draft.fields.some(([name]) => name === "isbn");
    const fields = hasLines || kept.fields.length === 0 ? this.#draft.fields : kept.fields;
    this.#draft = { fields, steps: [NOTHING, ...kept.steps.filter((step) => !isSaving(step))] };
    this.#send();
  }

  #press(button: HTMLButtonElement | null): void {
    const text = this.#scan.value.trim();
    if (button?.name === "remove") this.#take({ fields: [["remove", button.value]] });
    else if (button && button.value !== "add") {
      this.#clear();
      this.#take({ fields: [...scanOf(text), [button.name, button.value]] });
    } else if (this.#count) this.#pressInCount(text, this.#count);
    else {
      this.#clear();
      if (text !== "") this.#take({ fields: scanOf(text) });
    }
  }

  /** First the ISBN, then the count; both are one step. */
  #pressInCount(text: string, count: HTMLInputElement): void {
    const typed = count.value.trim();
    if (text === "") this.#scan.focus();
    else if (typed === "") {
      count.focus();
      this.#take({ fields: scanOf(text) });
    } else {
      this.#clear();
      this.#take({ fields: [...scanOf(text), ["count", typed]] });
    }
  }

  #clear(): void {
    this.#scan.value = "";
    if (this.#count) this.#count.value = "";
    this.#scan.focus();
  }

  /** What a scanner typed into a field for numbers. In the count's field it is the next book. */
  #scanned(text: string, into: HTMLInputElement): void {
    if (into === this.#count && into.value.trim() !== "") this.#press(null);
    this.#scan.value = text;
    const edit = into === this.#count ? undefined : editOf(into);
    if (edit) this.#take(edit);
    this.#press(null);
  }

  #take(step: Step): void {
    this.#draft.steps.push(step);
    this.#keep();
    this.#send();
  }

  /** Keeps also what is being typed, which is sent once it is complete. */
  #keep(): void {
    const { fields, steps } = this.#draft;
    const field = document.activeElement as HTMLInputElement;
    const edit = this.#lines.contains(field) ? editOf(field) : undefined;
    keep({ fields, steps: edit ? [...steps, edit] : steps });
  }

  /** Sends one step after the other, because each changes the form that the next is sent with. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#lines.ariaBusy = "true";
    try {
      for (let [step] = this.#draft.steps; step; [step] = this.#draft.steps)
        if (!(await this.#sendStep(step))) break;
    } finally {
      this.#isSending = false;
      this.#lines.ariaBusy = "false";
    }
  }

  /** @returns whether the next step can follow */
  async #sendStep(step: Step): Promise<boolean> {
    const answer = await this.#post(after(this.#draft.fields, step));
    if (!answer) return this.#wait(OFFLINE);
    const { response, page } = answer;
    const form = page.querySelector<HTMLFormElement>("#counter");
    const told = page.querySelector(".error [role=alert]")?.textContent?.trim() ?? OFFLINE;
    if (SIGNED_OUT.includes(response.status)) return this.#wait(told, () => location.reload());
    if (!form && !response.redirected && (response.status >= 500 || PASSING.includes(response.status)))
      return this.#wait(told);
    this.#draft.steps.shift();
    if (response.redirected) return this.#leave(response.url);
    if (form) this.#show(form);
    else this.#wait(told);
    return true;
  }

  async #post(fields: Fields): Promise<{ response: Response; page: Document } | undefined> {
    const token = this.#form.querySelector<HTMLInputElement>("[name=form_token]")?.value ?? "";
    try {
      // `form.action` is the button of that name.
      const response = await fetch(this.#form.getAttribute("action") ?? "", {
        method: "POST",
        body: new URLSearchParams([["form_token", token], ...fields]),
        headers: { Accept: "text/html" },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      return { response, page: new DOMParser().parseFromString(await response.text(), "text/html") };
    } catch {
      return undefined;
    }
  }

  /** Everything was saved. What was scanned since belongs to the next form. */
  #leave(address: string): false {
    const steps = this.#draft.steps.filter(isScan);
    keep(steps.length > 0 ? { fields: [], steps } : undefined);
    location.assign(address);
    return false;
  }

  #show(form: HTMLFormElement): void {
    this.#draft.fields = fieldsOf(form);
    const goOn = typingIn(this.#lines);
    this.#lines.replaceChildren(...(form.querySelector("#lines")?.childNodes ?? []));
    goOn?.();
    this.#keep();
    this.#away.hidden = true;
    const status = form.querySelector<HTMLElement>("#status");
    this.#status.textContent = status?.textContent ?? "";
    this.#status.dataset.tone = status?.dataset.tone ?? "";
    this.#sounds.play(status?.dataset.tone);
    this.#restore(form.querySelector<HTMLInputElement>("#scan")?.value ?? "");
    if (document.activeElement === document.body) this.#scan.focus();
  }

  /** Puts back what the server did not take, unless somebody has gone on. */
  #restore(text: string): void {
    if (text === "" || this.#count || this.#scan.value !== "" || this.#draft.steps.length > 0) return;
    this.#scan.value = text;
    this.#scan.select();
  }

  /** Says why nothing goes on, and lets people try again. */
  #wait(text: string, again: () => unknown = () => this.#send()): false {
    const { length } = this.#draft.steps;
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      className: "button plain",
      textContent: "Try again",
    });
    button.addEventListener("click", () => {
      this.#scan.focus();
      again();
    });
    const waiting = length > 1 ? ` ${length} entries are waiting.` : "";
    this.#away.replaceChildren(`${text}${waiting} `, button);
    this.#away.hidden = false;
    this.#sounds.play("refused");
    return false;
  }
}
