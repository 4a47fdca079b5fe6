/** What staff need a script for: the speed of a scanner, and drafts that survive a reload. Without it, forms do the same. */
import { ScanForm } from "./scan-form.ts";
import { Sounds } from "./sounds.ts";
import "./upload.ts";

const form = document.querySelector<HTMLFormElement>("#counter");
if (form) new ScanForm(form, new Sounds()).start();

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
