/** What all pages have around what they show. */
import { raw } from "hono/html";
import type { Child, PropsWithChildren } from "hono/jsx";
import { SHOP_NAME, type Site } from "./site.ts";

export interface Head {
  title: string;
  description?: string | undefined;
  /** The path that stands for this page and all others that show the same. */
  canonical?: string | undefined;
  /** Keeps search engines from listing the page. */
  isTransient?: boolean;
  /** Properties of the Open Graph beyond those that follow from the rest. */
  graph?: Record<string, string | undefined>;
  /** What the page is about, by schema.org. */
  data?: object | undefined;
}

export function Layout({
  site,
  head,
  search,
  children,
}: PropsWithChildren<{ site: Site; head: Head; search?: string | undefined }>) {
  const { files } = site;
  return (
    <Shell
      icon={files["icon.svg"]}
      style={files["page.css"]}
      script={files["page.js"]}
      head={
        <>
          <Description site={site} head={head} />
          {site.base && <OpenSearch />}
        </>
      }
      top={
        <>
          <a class="brand" href="/">
            {SHOP_NAME}
          </a>
          <SearchForm search={search} />
        </>
      }
      bottom={
        <>
          <a href="/">All books</a>
          <a href="/docs">API</a>
        </>
      }
    >
      {children}
    </Shell>
  );
}

interface Around {
  icon: string;
  style: string;
  script: string;
  head: Child;
  top: Child;
  bottom: Child;
}

/** The document around a page, for customers and for staff. */
export function Shell({ icon, style, script, head, top, bottom, children }: PropsWithChildren<Around>) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        {head}
        <link rel="icon" type="image/svg+xml" href={icon} />
        <link rel="stylesheet" href={style} />
        <script type="module" src={script} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header class="top">
          <div class="wrap">{top}</div>
        </header>
        <main id="main" class="wrap" tabindex={-1}>
          {children}
        </main>
        <footer class="bottom">
          <div class="wrap">{bottom}</div>
        </footer>
      </body>
    </html>
  );
}

/** Browsers take it only where its own addresses are absolute. */
const OpenSearch = () => (
  <link rel="search" type="application/opensearchdescription+xml" title={SHOP_NAME} href="/opensearch.xml" />
);

function Description({ site: { base }, head }: { site: Site; head: Head }) {
  const { title, description, canonical, isTransient, graph = {}, data } = head;
  const full = title === SHOP_NAME ? title : `${title} · ${SHOP_NAME}`;
  const properties = {
    "og:site_name": SHOP_NAME,
    "og:title": title,
    "og:description": description,
    "og:url": canonical === undefined ? undefined : base + canonical,
    ...graph,
  };
  return (
    <>
      <title>{full}</title>
      {description && <meta name="description" content={description} />}
      {isTransient && <meta name="robots" content="noindex" />}
      {canonical !== undefined && <link rel="canonical" href={base + canonical} />}
      {Object.entries(properties).map(
        ([property, content]) => content !== undefined && <meta property={property} content={content} />,
      )}
      {data && <script type="application/ld+json">{raw(dataText(data))}</script>}
    </>
  );
}

/** JSON in which nothing can end the element around it. */
const dataText = (data: object) => JSON.stringify(data).replaceAll("<", "\\u003c");

/** All pages search the catalogue. On the catalogue itself, the filters are part of this form. */
function SearchForm({ search }: { search: string | undefined }) {
  return (
    <search>
      <form id="search" class="search" action="/">
        <SearchField search={search} />
      </form>
    </search>
  );
}

interface SearchProps {
  search: string | undefined;
  /** What is wrong with it, if the page says that in `#search-fault`. */
  fault?: string | undefined;
}

/** The field that searches books, and its button. */
export const SearchField = ({ search, fault }: SearchProps) => (
  <>
    <input
      type="search"
      name="search"
      value={search ?? ""}
      maxlength={200}
      aria-label="Search books"
      aria-invalid={fault ? "true" : undefined}
      aria-describedby={fault ? "search-fault" : undefined}
      placeholder="Title, author or ISBN"
      autocomplete="off"
      enterkeyhint="search"
    />
    <button type="submit">Search</button>
  </>
);
