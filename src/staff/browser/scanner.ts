/** A scanner is a keyboard that types faster than any hand: within so many milliseconds from key to key. */
const MAX_GAP_MS = 50;
/** The shortest number on a barcode that names a book. */
const MIN_LENGTH = 8;

/** Fields into which nobody scans on purpose. */
const NUMBERS = ["quantity", "count"];

/**
 * Finds what a scanner types while the focus is elsewhere: on a button it goes on in the scanner's field, and in a field for
 * numbers it is taken out again.
 */
export function listen(field: HTMLInputElement, scanned: (text: string, into: HTMLInputElement) => void) {
  let text = "";
  let before = "";
  let last = 0;
  document.addEventListener(
    "keydown",
    (event) => {
      const { key, ctrlKey, altKey, metaKey, timeStamp } = event;
      if (ctrlKey || altKey || metaKey) return;
      const active = document.activeElement;
      const isInField = active instanceof HTMLInputElement && active.type !== "checkbox";
      if (!isInField && /^[\dXx]$/.test(key)) field.focus();
      if (!isInField || !NUMBERS.includes(active.name)) return;
      if (timeStamp - last > MAX_GAP_MS) {
        text = "";
        before = active.value;
      }
      last = timeStamp;
      if (key.length === 1) text += key;
      if (key !== "Enter" || text.length < MIN_LENGTH) return;
      event.preventDefault();
      active.value = before;
      scanned(text, active);
      text = "";
    },
    { capture: true },
  );
}
