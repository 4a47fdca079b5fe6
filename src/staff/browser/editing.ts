/** The fields of the lines, which people change while answers replace the lines. */
import type { Step } from "./draft.ts";

/** The ISBN of the line of a field, as the server wrote it. */
const rowOf = (field: HTMLInputElement) =>
  field.closest("tr")?.querySelector<HTMLInputElement>("[name=isbn]")?.defaultValue;

/** What was changed in a field of the lines. */
export function editOf(field: HTMLInputElement): Step | undefined {
  if (field.value === field.defaultValue) return undefined;
  const row = rowOf(field);
  return { ...(row !== undefined && { row }), fields: [[field.name, field.value]] };
}

/**
 * Remembers the field in which somebody is typing.
 *
 * @returns what lets them go on once the lines have been replaced; undefined if nobody is typing
 */
export function typingIn(lines: HTMLElement): (() => void) | undefined {
  const field = document.activeElement;
  if (!(field instanceof HTMLInputElement) || !lines.contains(field)) return undefined;
  const { name, value, selectionStart, selectionEnd } = field;
  const isChanged = value !== field.defaultValue;
  const row = rowOf(field);
  return () => {
    const fields = lines.querySelectorAll<HTMLInputElement>(`[name=${name}]`);
    const same = [...fields].find((other) => rowOf(other) === row);
    if (!same) return;
    if (isChanged) same.value = value;
    same.focus();
    same.setSelectionRange(selectionStart, selectionEnd);
  };
}
