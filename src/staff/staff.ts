/** How a page for staff becomes a reply, and what becomes of requests to such pages that fail. */
import type { Child } from "hono/jsx";
import { type Session, type Sessions, STAFF } from "../http/auth/session.ts";
import type { Exchange } from "../http/exchange.ts";
import { FORM_TOKEN } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import type { Problem } from "../http/problem.ts";
import type { AnyReply } from "../http/reply.ts";
import { documentOf, type Pages } from "../pages/pages.ts";
import type { Desk } from "./desk.ts";
import { type Fields, StaffError } from "./error-page.tsx";
import { type Place, StaffLayout } from "./layout.tsx";
import { RefusedQuery } from "./refused-query.ts";

interface PageOptions {
  title: string;
  place?: Place;
  status?: number;
  headers?: Record<string, string>;
}

/** What a page shows instead, if its query is refused. */
type ShowRefused = (desk: Desk, refused: RefusedQuery) => Child;

export class Staff {
  readonly #pages: Pages;
  readonly #sessions: Sessions | undefined;
  /** By path. */
  readonly #refused = new Map<string, { options: PageOptions; render: ShowRefused }>();

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

  /** Lets a page with filters show what is wrong with its query, where otherwise a page of its own would. */
  onRefused(path: string, options: PageOptions, render: ShowRefused): void {
    this.#refused.set(path, { options: { ...options, status: 422 }, render });
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
    const isForm = request.method === "POST";
    if (problem.code === "unauthorized" && !isForm) return seeOther(signInAt(url));
    const desk = session ? await this.deskOf(url, session) : await this.deskOfAttempt(url, "");
    const { status, headers } = problem;
    const refused = problem.code === "validation_failed" ? this.#refused.get(url.pathname) : undefined;
    if (refused && !isForm)
      return this.write(desk, { ...refused.options, headers }, () =>
        refused.render(desk, new RefusedQuery(url, problem)),
      );
    const address = isForm ? url.pathname + url.search : wayOn(problem, url);
    const shown = { desk, problem, requestId, address, isForm, fields: fieldsOf(exchange.form) };
    return this.write(desk, { title: "This did not work", status, headers }, () => StaffError(shown));
  };

  /** @param url any URL of the request's origin */
  async deskOf(url: URL, { id, principal }: Session): Promise<Desk> {
    return { ...(await this.deskOfAttempt(url, id)), principal };
  }
}

/** What was typed into a form; undefined if a page cannot send it again, because it has a file. */
function fieldsOf(form: FormData | undefined): Fields | undefined {
  const fields = [...(form ?? [])].filter(([name]) => name !== FORM_TOKEN);
  const isText = fields.every((field): field is Fields[number] => typeof field[1] === "string");
  return form && isText ? fields : undefined;
}

/** Where to go on after a problem: to the same address, but without what is wrong with it. */
function wayOn({ code }: Problem, { pathname, searchParams }: URL): string {
  const query = new URLSearchParams(code === "validation_failed" ? "" : searchParams);
  if (code === "invalid_cursor") query.delete("cursor");
  return query.size > 0 ? `${pathname}?${query}` : pathname;
}

const signInAt = ({ pathname, search }: URL): string =>
  `${STAFF}/sign-in?${new URLSearchParams({ to: pathname + search })}`;

/** Sends a browser on to another page, which it reads by GET. */
export const seeOther = (location: string, headers: Record<string, string> = {}): AnyReply => ({
  status: 303,
  headers: { Location: location, ...headers },
});
