/** What is left out or cut so that the rest of a row can be taken. Each is told. */
import type { Reading } from "./numbers.ts";
import type { Repair } from "./rows.ts";

type Fitted = Reading<string | null> & { repair?: Repair };

const MAX_DESCRIPTION = 10_000;

/** Cuts at a character, never within one. */
export function fitDescription(text: string): Fitted {
  if (text.length <= MAX_DESCRIPTION) return { value: text };
  const characters = Array.from(text.normalize("NFC").trim());
  if (characters.length <= MAX_DESCRIPTION) return { value: text };
  return {
    value: `${characters
      .slice(0, MAX_DESCRIPTION - 1)
      .join("")
      .trimEnd()}…`,
    repair: "description_cut",
  };
}

/** Octavo's pages show covers over https alone. A book is not refused for a link that they could not show. */
export function fitCover(url: string): Fitted {
  return /^http:/i.test(url) ? { value: null, repair: "cover_left_out" } : { value: url };
}
