/** Lets the catalogue answer while one types, and go on while one scrolls. Without it, forms and links do the same. */
import { Catalogue } from "./catalogue.ts";
import { typingPause } from "./typing.ts";

const form = document.querySelector<HTMLFormElement>("#search");
const results = document.querySelector<HTMLElement>("#results");
const status = document.querySelector<HTMLElement>("#status");

if (form && results && status) start(form, new Catalogue(form, results, status));

function start(form: HTMLFormElement, catalogue: Catalogue): void {
  const belongs = ({ target }: Event) => (target as HTMLInputElement).form === form;
  const isSearch = ({ target }: Event) => (target as HTMLInputElement).name === "search";

  const typing = typingPause(() => catalogue.go("typing"));
  document.addEventListener("input", (event) => {
    if (belongs(event) && isSearch(event) && !(event as InputEvent).isComposing) typing.restart();
  });
  document.addEventListener("compositionend", (event) => {
    if (belongs(event) && isSearch(event)) typing.restart();
  });
  document.addEventListener("change", (event) => {
    if (belongs(event) && !isSearch(event)) catalogue.go("choice");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    typing.stop();
    catalogue.go("choice");
  });
}
