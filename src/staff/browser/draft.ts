/** The fields of a form, in their order; names are repeated. */
export type Fields = [name: string, value: string][];

/** Something that was done to the form: a scan, a changed quantity, a pressed button. */
export interface Step {
  /** The ISBN of the line whose fields these are; without it, they are of the form. */
  row?: string;
  fields: Fields;
}

/** A form in progress: as the server wrote it last, and what was done since. */
export interface Draft {
  fields: Fields;
  steps: Step[];
}

/** Fields that are not of the draft: they belong to a session, or to the next step. */
const OTHERS = ["form_token", "scan", "count"];

export const fieldsOf = (form: HTMLFormElement): Fields =>
  [...new FormData(form)].flatMap(([name, value]) =>
    OTHERS.includes(name) || typeof value !== "string" ? [] : [[name, value]],
  );

/** The fields after a step. A step of a line that is gone changes nothing. */
export function after(fields: Fields, { row, fields: changes }: Step): Fields {
  const changed = fields.map(([name, value]): [string, string] => [name, value]);
  const of = (name: string) => changed.filter((field) => field[0] === name);
  const at = row === undefined ? 0 : of("isbn").findIndex(([, isbn]) => isbn === row);
  for (const [name, value] of changes) {
    const field = of(name)[at];
    if (field) field[1] = value;
    else if (row === undefined) changed.push([name, value]);
  }
  return changed;
}

export const isSaving = ({ fields }: Step): boolean => fields.some(([name]) => name === "action");

/** The tab's own storage: two tabs are two tills, and a reload loses nothing. */
const KEY = `octavo ${location.pathname}`;

export function keep(draft: Draft | undefined): void {
  if (draft) sessionStorage.setItem(KEY, JSON.stringify(draft));
  else sessionStorage.removeItem(KEY);
}

export function recall(): Draft | undefined {
  const kept = sessionStorage.getItem(KEY);
  return kept === null ? undefined : JSON.parse(kept);
}
