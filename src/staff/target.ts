/** Where a page leads back to. */
import { isForStaff, STAFF } from "../http/auth/session.ts";

/** A path of a page for staff, whatever somebody has put into a link or a form. */
export function targetOf(to = "", otherwise = STAFF): string {
  const own = new URL("http://localhost");
  if (!URL.canParse(to, own)) return otherwise;
  const { origin, pathname, search } = new URL(to, own);
  const isOurs = origin === own.origin && isForStaff(pathname) && !pathname.startsWith(`${STAFF}/sign-`);
  return isOurs ? pathname + search : otherwise;
}
