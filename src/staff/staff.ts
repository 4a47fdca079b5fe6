/** How a page for staff becomes a reply, and what becomes of requests to such pages that fail. */
import type { Child } from "hono/jsx";
import { type Session, type Sessions, STAFF } from "../http/auth/session.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HandlerContext } from "../http/handler.ts";
import type { Problem } from "../http/problem.ts";
import type { AnyReply } from "../http/reply.ts";
import { documentOf, type Pages } from "../pages/pages.ts";
import type { Desk } from "./desk.ts";
import { StaffError } from "./error-page.tsx";
import { type Place, StaffLayout } from "./layout.tsx";

interface PageOptions {
  title: string;
  place?: Place;
  status?: number;
  headers?: Record<string, string>;
}

export class Staff {
  readonly #pages: Pages;
  readonly #sessions: Sessions | undefined;

  /** @param sessions undefined where nobody can sign in */
  constructor(pages: Pages, sessions: Sessions | undefined) {
    this.#pages = pages;
    this.#sessions = sessions;
  }

  /**
   * The reply with a page for whoever has signed in. Caches never store it.
   *
   * @param url any URL of the request's origin
   */
  async reply(
    { session }: Pick<HandlerContext, "session">,
    url: URL,
    options: PageOptions,
    render: (desk: Desk) => Child,
  ): Promise<AnyReply> {
    return this.write(await this.deskOf(url, session), options, render);
  }

  write(desk: Desk, options: PageOptions, render: (desk: Desk) => Child): AnyReply {
    const { title, place, status = 200, headers } = options;
    return {
      status,
      body: documentOf(StaffLayout({ desk, title, place, children: render(desk) })),
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": this.#pages.policy,
        ...headers,
      },
    };
  }

  /** The desk of somebody who has not signed in yet. */
  async deskOfAttempt(url: URL, id: string): Promise<Desk> {
    const formToken = this.#sessions?.formToken(id) ?? "";
    return { site: await this.#pages.siteAt(url), principal: undefined, formToken };
  }

  /** Where a provider sends browsers back to: undefined if the origin is not known. */
  base = (url: URL): string => this.#pages.base(url);

  /** A problem as a page. Whoever has to sign in first is sent there, and returns to what they asked for. */
  readonly explain = async (problem: Problem, exchange: Exchange): Promise<AnyReply> => {
    const { request, requestId, session } = exchange;
    const url = new URL(request.url);
    if (problem.code === "unauthorized" && request.method !== "POST") return seeOther(signInAt(url));
    const again = request.method === "POST" ? undefined : wayOn(problem, url);
    const desk = session ? await this.deskOf(url, session) : await this.deskOfAttempt(url, "");
    const { status, headers } = problem;
    return this.write(desk, { title: "This did not work", status, headers }, () =>
      StaffError({ problem, again, requestId }),
    );
  };

  /** @param url any URL of the request's origin */
  async deskOf(url: URL, { id, principal }: Session): Promise<Desk> {
    return { ...(await this.deskOfAttempt(url, id)), principal };
  }
}

/** Where to go on after a problem: to the same address, but without what is wrong with it. */
function wayOn({ code }: Problem, { pathname, searchParams }: URL): string {
  const query = new URLSearchParams(code === "validation_failed" ? "" : searchParams);
  if (code === "invalid_cursor") query.delete("cursor");
  return query.size > 0 ? `${pathname}?${query}` : pathname;
}

/** Whether a path is of a page for staff. */
export const isForStaff = (path: string): boolean => path === STAFF || path.startsWith(`${STAFF}/`);

const signInAt = ({ pathname, search }: URL): string =>
  `${STAFF}/sign-in?${new URLSearchParams({ to: pathname + search })}`;

/** Sends a browser on to another page, which it reads by GET. */
export const seeOther = (location: string, headers: Record<string, string> = {}): AnyReply => ({
  status: 303,
  headers: { Location: location, ...headers },
});
