/** A shop that is open: Postgres, servers, and clients who ask for everything. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isbnOf } from "../support/books.ts";
import { atEnd } from "../support/end.ts";
import type { Runtime } from "../support/servers.ts";
import { Caller } from "./caller.ts";
import { Cluster } from "./cluster.ts";
import type { World } from "./fault.ts";
import { addKnownBooks, expectedAnswers, Follower, readProbes } from "./reads.ts";
import type { Watched } from "./run.ts";
import { startServers } from "./servers.ts";
import { Readiness, Watch } from "./watch.ts";
import { Journal, STOCK, writeProbes } from "./writes.ts";

export interface Shop {
  world: World;
  watched: Watched[];
  callers: Caller[];
  followers: Follower[];
  journal: Journal;
}

interface ShopOptions {
  /** Generated books that the catalogue has beside those of the clients. */
  books?: number;
  /** How long each client waits between two requests, in milliseconds. */
  pause?: number | undefined;
  /** How long a load balancer waits before it asks again whether a server is ready, in milliseconds. */
  readyPause?: number;
}

/** Starts all of it, and stops the servers at the end. */
export async function openShop(
  runtimes: readonly Runtime[],
  { books = 0, pause = 40, readyPause = 50 }: ShopOptions = {},
): Promise<Shop> {
  const directory = await mkdtemp(join(tmpdir(), "octavo-chaos-"));
  // If root runs this, Postgres runs as another user, who needs access.
  await chmod(directory, 0o755);
  atEnd(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  console.log("Starting Postgres and the servers.");
  const cluster = await Cluster.start(directory);
  if (books > 0) await cluster.fill(books);
  const known = await addKnownBooks(cluster);
  const servers = await startServers(runtimes, cluster, directory);
  const sold = await addShelf(cluster, 1000, 30);
  const changed = await addShelf(cluster, 2000, servers.length);
  const callers = await Promise.all(servers.map(({ url, runtime }) => Caller.to(url, runtime)));
  const reads = await expectedAnswers(callers, known);
  const journal = new Journal();
  const followers = callers.map((caller) => new Follower(caller));
  const watched = servers.map((server, at): Watched => {
    const caller = callers[at] as Caller;
    const shelf = { sold, changed: changed[at] ?? "", isbns: 100_000_000 * (at + 1) };
    const probes = {
      ...readProbes(caller, reads),
      feed: (followers[at] as Follower).probe,
      ...writeProbes(caller, journal, shelf),
    };
    const readiness = new Readiness(server, readyPause);
    return { watch: new Watch(server, probes, pause), readiness, rate: 0 };
  });
  return { world: { cluster, servers, sold }, watched, callers, followers, journal };
}

/** Adds books of which there are plenty. */
async function addShelf(cluster: Cluster, isbns: number, books: number): Promise<string[]> {
  const rows = await cluster.sql<{ id: string }>(
    `insert into books (title, author, isbn, price, stock)
     select 'Shelf', 'A. Seller', isbn, 9.99, $2 from unnest($1::text[]) as isbn returning id`,
    [Array.from({ length: books }, (_, at) => isbnOf(isbns + at)), STOCK],
  );
  return rows.map(({ id }) => id);
}

/** Stops the clients. */
export async function close(watched: Watched[]): Promise<void> {
  await Promise.all(watched.flatMap(({ watch, readiness }) => [watch.stop(), readiness.stop()]));
}
