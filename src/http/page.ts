/** What people get from the app, in contrast to programs: pages, and the files that belong to them. */
import type * as z from "zod";
import type { Position } from "../db/keyset.ts";
import type { Preconditions } from "./etag.ts";
import type { HandlerContext } from "./handler.ts";
import type { Paging } from "./paging.ts";
import type { AnyReply } from "./reply.ts";
import type { Parsed } from "./route.ts";

/** A page, declared. It is no part of the OpenAPI document, and whoever does not ask for JSON gets its errors as pages. */
export interface PageRoute {
  /** In Hono's syntax: `/books/:book`. */
  path: string;
  /** Path parameters. An invalid one is a 404. */
  params?: z.ZodObject;
  /** The listing of the API that the page shows: it takes its filters, its order and its cursors. */
  listing?: ShownListing;
  /** Does not count against the quota. */
  unlimited?: true;
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
  query: P["listing"] extends { paging: infer Shown extends Paging } ? z.output<Shown["query"]> : object;
  /** The position of the cursor; undefined on a first page. */
  position: Position | undefined;
  preconditions: Preconditions;
  /** As the listing of the API would get it; see {@link asListing}. */
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
 * The URL with which the API would list what a page shows. Forms send empty fields, and people and trackers add
 * parameters, so a page ignores both.
 */
export function asListing(url: URL, { path, paging, limit }: ShownListing): URL {
  const pairs = url.search
    .slice(1)
    .split("&")
    .filter((pair) => {
      const [[name, value] = ["", ""]] = new URLSearchParams(pair);
      return value !== "" && (name === "cursor" || Object.hasOwn(paging.bound.shape, name));
    });
  const listing = new URL(url);
  listing.pathname = path;
  listing.search = [...pairs, `limit=${limit}`].join("&");
  return listing;
}
