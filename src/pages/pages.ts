/** How a page becomes a reply: rendered, kept, and validated by its ETag. */
import type { Child } from "hono/jsx";
import type { ReadAsset } from "../http/assets.ts";
import { Content } from "../http/content.ts";
import type { Preconditions } from "../http/etag.ts";
import type { HandlerContext } from "../http/handler.ts";
import type { Explain } from "../http/pipeline.ts";
import { baseOf } from "../http/public-url.ts";
import type { AnyReply } from "../http/reply.ts";
import { Assets } from "./assets.ts";
import { ErrorPage } from "./error-page.tsx";
import type { Shop } from "./shop.ts";
import type { Site } from "./site.ts";
import { Writer } from "./words.ts";

interface Options {
  shop: Shop;
  publicUrl: string | undefined;
  readAsset: ReadAsset;
}

/** Renders a page. It depends on nothing but the site, the URL and the source. */
type Render = (site: Site) => Child;

interface Request {
  url: URL;
  preconditions: Preconditions;
}

interface Kept {
  source: string;
  content: Content;
}

/** How many pages are kept, and of which size at most, so that they take a few MiB. */
const MAX_KEPT = 64;
const MAX_SOURCE = 100_000;

const HTML = "text/html; charset=utf-8";

export class Pages {
  readonly assets: Assets;
  readonly #shop: Shop;
  readonly #publicUrl: string | undefined;
  /** The policy of a page: it runs and loads what is its own, and covers. */
  readonly policy: string;
  #writer: Writer | undefined;
  readonly #kept = new Map<string, Kept>();

  constructor({ shop, publicUrl, readAsset }: Options) {
    this.#shop = shop;
    this.#publicUrl = publicUrl;
    this.assets = new Assets(readAsset);
    this.policy = policyOf(shop);
  }

  base = (url: URL): string => baseOf(this.#publicUrl, url);

  /**
   * The reply with a page. Browsers and proxies keep it, and ask each time whether it has changed.
   *
   * @param source what the page shows, as the database wrote it: as long as it is the same, so is the page
   */
  async reply(
    { url, preconditions }: Request,
    source: string,
    context: HandlerContext,
    render: Render,
  ): Promise<AnyReply> {
    const site = await this.siteAt(url);
    const content = this.#contentOf(`${site.base}${url.pathname}${url.search}`, source, () =>
      documentOf(render(site)),
    );
    const headers = { "Content-Type": HTML, "Cache-Control": "no-cache", Vary: "Accept" };
    return content.reply({ ...headers, "Content-Security-Policy": this.policy }, preconditions, context);
  }

  /** A problem as a page. */
  readonly explain: Explain = async (problem, { request, requestId }) => {
    const url = new URL(request.url);
    const site = await this.siteAt(url);
    return {
      status: problem.status,
      body: documentOf(ErrorPage({ site, problem, url, requestId })),
      headers: { ...problem.headers, "Content-Type": HTML, "Content-Security-Policy": this.policy },
    };
  };

  /** What the pages at an address know beside what they show. */
  async siteAt(url: URL): Promise<Site> {
    const files = await this.assets.paths();
    this.#writer ??= new Writer(this.#shop);
    const { currency, coverOrigins } = this.#shop;
    return { base: this.base(url), files, writer: this.#writer, currency, coverOrigins };
  }

  /** The content that was made of the same source, or a new one. Those that were asked for last are kept. */
  #contentOf(key: string, source: string, render: () => string): Content {
    const kept = this.#kept.get(key);
    const content = kept?.source === source ? kept.content : new Content(render());
    this.#kept.delete(key);
    if (source.length <= MAX_SOURCE) this.#kept.set(key, { source, content });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return content;
  }
}

export const documentOf = (page: Child): string => `<!doctype html>${page}`;

const policyOf = ({ coverOrigins = ["https:"] }: Shop): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ["img-src 'self'", ...coverOrigins].join(" "),
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
