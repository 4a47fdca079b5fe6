/** What has served a request is freed when the exchange is over. Node keeps a request whose signal has a listener. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createAdaptorServer } from "@hono/node-server";
import { beforeAll, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { pooledDriver } from "../../src/db/pool.ts";
import { parseServerConfig } from "../../src/server-config.ts";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const COUNT = 20;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

let url: string;
let authorization: string;
const kept = new Set<number>();
const freed = new FinalizationRegistry<number>((id) => kept.delete(id));

beforeAll(async () => {
  const database = await createTestDatabase();
  const variables = { DATABASE_URL: database.url, AUTH_SECRET: SECRET, RATE_LIMIT: "off" };
  const config = await parseServerConfig(variables);
  const driver = pooledDriver({ url: database.url, size: 2, timeout: config.deadline });
  const readAsset = async () => new Uint8Array();
  const app = createApp({ config, connect: connectOver(direct(driver)), log: () => {}, readAsset });
  let id = 0;
  const server = createAdaptorServer({
    fetch(request) {
      freed.register(request, id);
      kept.add(id++);
      return app.fetch(request, { address: "127.0.0.1" });
    },
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(async () => {
    server.close();
    await driver.end();
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  authorization = `Bearer ${await tokenFor("admin")}`;
});

const JSON_TYPE = { "Content-Type": "application/json" };
const book = (number: number) => ({ title: "Dune", author: "F. Herbert", isbn: isbnOf(number), price: 9.99 });

/** Sends a request of each kind. */
const KINDS: Record<string, (number: number) => [path: string, init?: RequestInit]> = {
  listing: () => ["/api/v1/books"],
  search: () => ["/api/v1/books?search=dune&count=exact"],
  page: () => ["/"],
  export: () => ["/api/v1/books/export"],
  feed: () => ["/api/v1/changes"],
  create: (number) => [
    "/api/v1/books",
    { method: "POST", headers: JSON_TYPE, body: JSON.stringify(book(number)) },
  ],
  import: (number) => [
    "/api/v1/books/import",
    {
      method: "POST",
      headers: { "Content-Type": "application/x-ndjson" },
      body: JSON.stringify(book(1000 + number)),
    },
  ],
  refusal: () => ["/api/v1/books", { method: "POST", headers: JSON_TYPE, body: "{" }],
  "an unknown path": () => ["/nowhere"],
};

test.each(Object.entries(KINDS))("requests are freed: %s", async (_, requestOf) => {
  kept.clear();
  for (let number = 0; number < COUNT; number++) {
    const [path, { headers, ...init } = {}] = requestOf(number);
    const response = await fetch(url + path, {
      ...init,
      headers: { ...headers, Authorization: authorization, Connection: "close" },
    });
    expect(response.status).not.toBe(500);
    await response.arrayBuffer();
  }
  const left = () => {
    collectGarbage();
    return kept.size;
  };
  await expect.poll(left).toBe(0);
});
