/** What people get from the app, in contrast to programs: pages, and the files that belong to them. */
import type * as z from "zod";
import type { ListingPosition } from "../db/keyset.ts";
import type { Preconditions } from "./etag.ts";
import type { HandlerContext } from "./handler.ts";
import type { Paging } from "./paging.ts";
import type { AnyReply } from "./reply.ts";
import type { Parsed, Role, StreamBody } from "./route.ts";

/** A page, or a form that is sent from one, declared. It is no part of the OpenAPI document, and whoever does not ask for JSON gets its errors as pages. */
export interface PageRoute {
  /** `POST` for a form; pages are read by GET. */
  method?: "POST";
  /** In Hono's syntax: `/books/:book`. */
  path: string;
  /** Path parameters. An invalid one is a 404. */
  params?: z.ZodObject;
  /** Query parameters. Others are ignored, and so are empty ones. */
  query?: z.ZodObject;
  /** The listing of the API that the page shows: it takes its filters, its order and its cursors. */
  listing?: ShownListing;
  /** The role that whoever has signed in needs; without it, the page is public. */
  role?: Exclude<Role, "public">;
  /** The most bytes of a form; 1 MiB unless given. */
  maxBytes?: number;
  /** A body that is read as it arrives, instead of a form. */
  body?: StreamBody;
  /** Caches may keep it; see `edge-cache.ts`. */
  cached?: true;
  /** Does not count against the quota. */
  unlimited?: true;
  /** Milliseconds for a request, or between two chunks of a stream; the configured deadline if absent. */
  deadline?: number;
}

export interface ShownListing {
  /** The path of the listing in the API, to which its cursors are bound. */
  path: string;
  paging: Paging;
  /** The number of rows in a page. */
  limit: number;
}

/** The input of a page's handler. */
export interface PageInput<P extends PageRoute> {
  params: Parsed<P["params"]>;
  query: P["listing"] extends { paging: infer Shown extends Paging }
    ? z.output<Shown["query"]>
    : P["query"] extends z.ZodObject
      ? z.output<P["query"]>
      : object;
  /** The position of the cursor; undefined on a first page. */
  position: ListingPosition | undefined;
  preconditions: Preconditions;
  /** What was sent; empty on a page that is read. */
  form: FormData;
  /** The body of a request that is no form. */
  body: P["body"] extends StreamBody ? ReadableStream<Uint8Array<ArrayBuffer>> : undefined;
  /** As the listing of the API would get it; see {@link shownUrl}. */
  url: URL;
}

export type PageHandler<P extends PageRoute> = (
  input: PageInput<P>,
  context: HandlerContext,
) => Promise<AnyReply>;

/** Keeps the literal types of a declaration, so that its handler knows its input. */
export function page<const P extends PageRoute>(declaration: P): P {
  return declaration;
}

/**
 * The URL with the parameters that a page knows; of a page with a listing, the one with which the API would list the same.
 * Forms send empty fields, and people and trackers add parameters, so a page ignores both.
 */
export function shownUrl(asked: URL, { listing, query }: PageRoute): URL {
  const known = listing ? { ...listing.paging.bound.shape, cursor: true } : (query?.shape ?? {});
  const pairs = asked.search
    .slice(1)
    .split("&")
    .filter((pair) => {
      const [[name, value] = ["", ""]] = new URLSearchParams(pair);
      return value !== "" && Object.hasOwn(known, name);
    });
  const url = new URL(asked);
  if (listing) url.pathname = listing.path;
  url.search = [...pairs, ...(listing ? [`limit=${listing.limit}`] : [])].join("&");
  return url;
}
