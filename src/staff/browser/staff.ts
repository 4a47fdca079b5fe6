/** What staff need a script for: the speed of a scanner, and drafts that survive a reload. Without it, forms do the same. */
import { Counter } from "./counter.ts";
import { Sounds } from "./sounds.ts";

const form = document.querySelector<HTMLFormElement>("#counter");
if (form) new Counter(form, new Sounds()).start();

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// The server tells times in UTC, because it does not know where the shop is.
for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-locale]")) {
  const format = new Intl.DateTimeFormat(time.dataset.locale, { dateStyle: "long", timeStyle: "short" });
  time.textContent = format.format(new Date(time.dateTime));
}
