import { setTimeout as sleep } from "node:timers/promises";
import { newBook } from "./books.ts";
import { tokenFor } from "./token.ts";

/** Requests of several clients, one after the other each, until they are stopped. */
export interface Load {
  /** The requests that were sent since the last call, by `GET /api/v1/books 200`. */
  seen(): Map<string, number>;
  /** Ends all clients, and rejects if one broke off. */
  stop(): Promise<void>;
}

const CLIENTS = 3;

/**
 * Sends what a shop sends: listings, searches, the feed, books and changes of them, sales.
 *
 * @param originOf chooses the server of the next request, as a load balancer does
 */
export async function startLoad(originOf: () => string | undefined): Promise<Load> {
  let seen = new Map<string, number>();
  let isStopped = false;
  const headers = { Authorization: `Bearer ${await tokenFor("admin")}`, "Content-Type": "application/json" };

  async function send(method: string, path: string, body?: unknown) {
    const origin = originOf();
    if (!origin) {
      await sleep(20);
      return undefined;
    }
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(origin + path, { ...init, headers }).catch((error: Error) => error);
    const name = `${method} ${path.replace(/\?.*/, "").replace(/[\da-f]{8}-[\da-f-]{27}/, "{id}")}`;
    if (response instanceof Error) {
      add(`${name} ${response.message}`);
      return undefined;
    }
    const text = await response.text();
    add(`${name} ${response.status}`);
    return response.ok ? JSON.parse(text) : undefined;
  }
  const add = (key: string) => seen.set(key, (seen.get(key) ?? 0) + 1);

  async function visit(): Promise<void> {
    await send("GET", "/api/v1/books?limit=5&count=exact");
    await send("GET", "/api/v1/books?search=dune");
    const book = await send("POST", "/api/v1/books", newBook({ title: "Dune", stock: 9 }));
    if (!book) return;
    await send("PATCH", `/api/v1/books/${book.id}`, { price: 12.5 });
    await send("GET", `/api/v1/books/${book.id}`);
    await send("POST", `/api/v1/books/${book.id}/stock`, { delta: -1, reason: "sale" });
    await send("GET", "/api/v1/changes?limit=5");
  }
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isStopped) await visit();
  });
  return {
    seen() {
      const counted = seen;
      seen = new Map();
      return counted;
    },
    async stop() {
      isStopped = true;
      await Promise.all(clients);
    },
  };
}
