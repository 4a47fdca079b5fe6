/** What the till, goods in and the count have in common: one form, whose first field belongs to the scanner. */
import type { Child, PropsWithChildren } from "hono/jsx";
import type { Desk } from "./desk.ts";
import { FormToken } from "./layout.tsx";
import type { Said } from "./till-cart.ts";

type Props = PropsWithChildren<{
  desk: Desk;
  action: string;
  title: string;
  said?: Said | undefined;
  /** What was scanned, if it has to be corrected or waits for more. */
  scanned?: string | undefined;
  /** Fields beside the scanner's. */
  beside?: Child;
}>;

/**
 * The form. The script sends it and replaces `#lines` by that of the answer; without the script, the browser does. Its first
 * button is what Enter presses.
 */
export function ScanForm({ desk, action, title, said, scanned = "", beside, children }: Props) {
  return (
    <>
      <h1 class="hidden">{title}</h1>
      <form method="post" action={action} class="counter" id="counter">
        <FormToken desk={desk} />
        <div class="scan">
          <ScanField value={scanned} isNext={scanned === ""} />
          {beside}
          <button type="submit" class="button plain" name="action" value="add">
            Add
          </button>
        </div>
        <p id="status" role="status" data-tone={said?.tone}>
          {said?.text}
        </p>
        <div id="away" role="alert" hidden />
        <div id="lines">{children}</div>
      </form>
      <label class="sounds" hidden>
        <input type="checkbox" id="sounds" /> Sounds
      </label>
    </>
  );
}

/** The field into which scanners type. */
export const ScanField = ({ value = "", isNext }: { value?: string; isNext: boolean }) => (
  <input
    id="scan"
    name="scan"
    value={value}
    aria-label="ISBN"
    placeholder="Scan an ISBN"
    maxlength={100}
    autocomplete="off"
    autocapitalize="off"
    spellcheck={false}
    enterkeyhint="done"
    autofocus={isNext}
  />
);
