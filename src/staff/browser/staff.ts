/** What staff need a script for: the speed of a scanner, and drafts that survive a reload. Without it, forms do the same. */
import { Counter } from "./counter.ts";
import { Sounds } from "./sounds.ts";
import "./upload.ts";

const form = document.querySelector<HTMLFormElement>("#counter");
if (form) new Counter(form, new Sounds()).start();

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
