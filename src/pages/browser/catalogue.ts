import { entryKey, keep, newKey, recall } from "./snapshots.ts";

/** So many pages follow by themselves; then a button waits, so that the end of the page can be reached. */
const MAX_AUTOMATIC = 4;
/** How far below the screen the next page is fetched. */
const AHEAD = "0px 0px 400px 0px";

const OFFLINE = "The shop cannot be reached. Check your connection, and try again.";

/** The list of books on the page, and its place in the history. */
export class Catalogue {
  readonly #form: HTMLFormElement;
  readonly #results: HTMLElement;
  readonly #status: HTMLElement;
  readonly #observer: IntersectionObserver;
  #request: AbortController | undefined;
  #key = entryKey();
  /** The address of the list that is shown or on its way; undefined if it did not arrive. */
  #address: string | undefined = location.pathname + location.search;
  #automatic = 0;
  /** Whether whoever reads asked for more, and so goes on there. */
  #goesOn = false;

  constructor(form: HTMLFormElement, results: HTMLElement, status: HTMLElement) {
    this.#form = form;
    this.#results = results;
    this.#status = status;
    this.#observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) this.#more(false);
      },
      { rootMargin: AHEAD },
    );
    history.scrollRestoration = "manual";
    this.#recallAtLoad();
    addEventListener("pagehide", () => this.#keep());
    addEventListener("popstate", () => this.#return());
    results.addEventListener("click", (event) => {
      if ((event.target as Element).closest("a") !== this.#next || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.#more(true);
    });
    this.#observe();
  }

  get #next(): HTMLAnchorElement | null {
    return this.#results.querySelector("a[rel=next]");
  }

  /** Shows what the form asks for. What one types is one entry of the history; each choice is one more. */
  async go(reason: "typing" | "choice"): Promise<void> {
    const given = [...new FormData(this.#form)].filter(([, value]) => value !== "") as [string, string][];
    const address = given.length > 0 ? `/?${new URLSearchParams(given)}` : "/";
    if (address === this.#address) return;
    const isTyping = reason === "typing";
    if (address === location.pathname + location.search) return this.#show(address);
    if (isTyping && history.state?.isTyping) history.replaceState(history.state, "", address);
    else {
      this.#keep();
      this.#key = newKey();
      history.pushState({ key: this.#key, isTyping }, "", address);
    }
    await this.#show(address);
  }

  /** Replaces the list by that of an address. */
  async #show(address: string): Promise<void> {
    this.#automatic = 0;
    this.#goesOn = false;
    this.#address = address;
    const page = await this.#fetch(address);
    if (!page) return;
    const list = page.querySelector("#results");
    const error = page.querySelector(".error");
    this.#results.replaceChildren(...(list?.childNodes ?? (error ? [error] : [])));
    document.title = page.title;
    this.#follow(page, document.activeElement);
    this.#announce(this.#results.querySelector(".count, [role=alert]"), this.#results.querySelector(".hint"));
    this.#observe();
  }

  /** Appends the next page. Whoever asked for it by the button goes on at the first new book. */
  async #more(isAsked: boolean): Promise<void> {
    const link = this.#next;
    this.#goesOn ||= isAsked;
    if (!link || this.#results.ariaBusy === "true" || (!isAsked && this.#automatic >= MAX_AUTOMATIC)) return;
    this.#automatic = isAsked ? 0 : this.#automatic + 1;
    const page = await this.#fetch(link.href);
    const added = page ? [...page.querySelectorAll("#results .card")] : [];
    if (!page || added.length === 0) return;
    this.#results.querySelector(".grid")?.append(...added);
    const next = page.querySelector<HTMLAnchorElement>("a[rel=next]");
    if (this.#goesOn || (!next && document.activeElement === link)) added[0]?.querySelector("a")?.focus();
    this.#goesOn = false;
    // The link stays, because it may have the focus.
    if (next) link.href = next.href;
    else link.remove();
    const count = this.#results.querySelector(".count");
    const total = `${this.#results.querySelectorAll(".card").length}`;
    if (count) count.textContent = (count.textContent ?? "").replace(next ? /\d+/ : /^.*?\d+/, total);
    this.#announce(count);
    this.#observe();
  }

  /** Fetches a page; a later request ends it. */
  async #fetch(address: string): Promise<Document | undefined> {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    this.#results.ariaBusy = "true";
    try {
      const response = await fetch(address, { headers: { Accept: "text/html" }, signal: request.signal });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!page.querySelector("#results, .error")) throw new Error("A proxy answered instead of the shop.");
      return page;
    } catch {
      if (request.signal.aborted) return undefined;
      this.#address = undefined;
      this.#status.textContent = OFFLINE;
      this.#status.classList.remove("hidden");
      return undefined;
    } finally {
      if (this.#request === request) this.#results.ariaBusy = "false";
    }
  }

  /** Makes the form say what a page is about, but for the field in which one types. */
  #follow(page: Document, active: Element | null): void {
    for (const field of this.#form.elements) {
      if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement)) continue;
      if (field === active) continue;
      const other = page.querySelector<HTMLInputElement | HTMLSelectElement>(`[name="${field.name}"]`);
      if (field instanceof HTMLSelectElement) {
        const { value = "" } = other ?? {};
        if (other) field.replaceChildren(...other.childNodes);
        field.value = value;
        field.toggleAttribute("data-chosen", other?.hasAttribute("data-chosen") ?? false);
      } else if (field.type === "checkbox")
        field.checked = (other as HTMLInputElement | null)?.checked ?? false;
      else if (field.name) field.value = other?.value ?? "";
    }
  }

  #announce(...parts: (Element | null)[]): void {
    this.#status.classList.add("hidden");
    const text = parts.map((part) => part?.textContent?.trim()).filter(Boolean);
    this.#status.textContent = text.join(". ");
  }

  #observe(): void {
    this.#observer.disconnect();
    if (this.#next) this.#observer.observe(this.#next);
  }

  #keep(): void {
    keep(this.#key, { html: this.#results.innerHTML, title: document.title, y: scrollY });
  }

  /** After a reload the list is new, but its place is the same. */
  #recallAtLoad(): void {
    const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    const kept = recall(this.#key);
    if (!kept || !["back_forward", "reload"].includes(entry?.type ?? "")) return;
    if (entry?.type === "back_forward") this.#results.innerHTML = kept.html;
    scrollTo(0, kept.y);
  }

  /** Goes to another entry of the history: at once to what was shown there, if that is known. */
  async #return(): Promise<void> {
    this.#keep();
    this.#key = entryKey();
    const address = location.pathname + location.search;
    const kept = recall(this.#key);
    if (!kept) return this.#show(address);
    this.#results.innerHTML = kept.html;
    document.title = kept.title;
    this.#address = address;
    this.#observe();
    scrollTo(0, kept.y);
    const page = await this.#fetch(address);
    if (page) this.#follow(page, null);
  }
}
