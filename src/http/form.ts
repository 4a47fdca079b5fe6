/** Forms that people send from pages. */
import type { RequestBody } from "./body.ts";
import { Problem } from "./problem.ts";
import { MIB } from "./route.ts";

/** The field with the token against forged forms. */
export const FORM_TOKEN = "form_token";

/** What a browser sends of a form; `multipart/form-data` if it has files. */
const TYPES = ["application/x-www-form-urlencoded", "multipart/form-data"];

/**
 * Rejects what a page of another site has sent. Browsers always name the origin of a POST. The scheme is not compared,
 * because a proxy may have changed it.
 *
 * @throws Problem `forbidden`
 */
export function requireSameOrigin({ headers }: Request, url: URL, publicUrl: string | undefined): void {
  const origin = headers.get("Origin");
  if (origin === null) return;
  const own = [url.host, ...(publicUrl ? [new URL(publicUrl).host] : [])];
  if (!URL.canParse(origin) || !own.includes(new URL(origin).host))
    throw new Problem("forbidden", "This form was sent by a page of another site.");
}

/**
 * Reads a form. Files are in memory, so there is a limit.
 *
 * @throws Problem `unsupported_media_type`, `payload_too_large`, `request_timeout`
 */
export async function readForm(body: RequestBody, headers: Headers, maxBytes = MIB): Promise<FormData> {
  const type = headers.get("Content-Type") ?? "";
  if (!TYPES.includes(type.replace(/;.*/s, "").trim().toLowerCase()))
    throw new Problem("unsupported_media_type", `The Content-Type of a form must be ${TYPES.join(" or ")}.`);
  const bytes = await body.readAll(maxBytes);
  try {
    return await new Response(bytes, { headers: { "Content-Type": type } }).formData();
  } catch (cause) {
    throw new Problem("unsupported_media_type", "The form cannot be read.", { cause });
  }
}

/** The text of a field; empty if the form does not have it. */
export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
