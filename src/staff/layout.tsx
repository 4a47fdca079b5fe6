/** What all pages for staff have around what they show. */
import type { PropsWithChildren } from "hono/jsx";
import { STAFF } from "../http/auth/session.ts";
import { FORM_TOKEN } from "../http/form.ts";
import { Shell } from "../pages/layout.tsx";
import { SHOP_NAME } from "../pages/site.ts";
import type { Desk } from "./desk.ts";

/** The places that the navigation leads to. */
const PLACES = {
  till: "Till",
  receive: "Goods in",
  count: "Count",
  books: "Books",
  movements: "Movements",
  tasks: "Tasks",
} as const;

export type Place = keyof typeof PLACES;

type Props = PropsWithChildren<{ desk: Desk; title: string; place: Place | undefined }>;

export function StaffLayout({ desk, title, place, children }: Props) {
  const { files } = desk.site;
  const { principal } = desk;
  return (
    <Shell
      icon={files["icon.svg"]}
      style={files["staff.css"]}
      script={files["staff.js"]}
      head={
        <>
          <title>{`${title} · ${SHOP_NAME}`}</title>
          <meta name="robots" content="noindex" />
        </>
      }
      top={
        <>
          <a class="brand" href={STAFF}>
            {SHOP_NAME}
          </a>
          {principal && (
            <nav aria-label="Places">
              {Object.entries(PLACES).map(([name, label]) => (
                <a href={`${STAFF}/${name}`} aria-current={name === place ? "page" : undefined}>
                  {label}
                </a>
              ))}
            </nav>
          )}
        </>
      }
      bottom={
        <>
          {principal && (
            <form method="post" action={`${STAFF}/sign-out`}>
              <FormToken desk={desk} />
              <span>
                Signed in as <bdi>{principal.subject}</bdi> ({principal.roles.join(", ")})
              </span>{" "}
              <button type="submit" class="link">
                Sign out
              </button>
            </form>
          )}
          <a href="/">The shop</a>
          <a href="/docs">API</a>
        </>
      }
    >
      {children}
    </Shell>
  );
}

/** The field that each form needs. */
export const FormToken = ({ desk }: { desk: Desk }) => (
  <input type="hidden" name={FORM_TOKEN} value={desk.formToken} />
);
