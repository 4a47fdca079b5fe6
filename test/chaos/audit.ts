/** Compares the database with what clients were told. */
import type { Cluster } from "./cluster.ts";
import type { Follower } from "./reads.ts";
import { type Journal, STOCK } from "./writes.ts";

/** What differs between the database and the journal, in sentences. */
export async function audit(cluster: Cluster, journal: Journal, followers: Follower[]): Promise<string[]> {
  const faults = [
    ...(await movementFaults(cluster, journal)),
    ...(await bookFaults(cluster, journal)),
    ...(await stockFaults(cluster)),
  ];
  const versions = await cluster.sql<{ id: string; version: string }>("select id, version::text from books");
  for (const { versions: seen } of followers) {
    const missed = versions.filter(({ id, version }) => seen.get(id) !== Number(version));
    if (missed.length > 0) faults.push(`A follower of the feed missed ${missed.length} books.`);
  }
  return faults;
}

async function movementFaults(cluster: Cluster, { taken, unknown }: Journal): Promise<string[]> {
  const rows = await cluster.sql<{ key: string; count: number; sum: number }>(
    `select reference || ' ' || book_id as key, count(*)::int, sum(delta)::int
     from stock_movements where reference like 'chaos-%' and reference <> all($1) group by 1`,
    [[...unknown]],
  );
  const found = new Map(rows.map((row) => [row.key, row]));
  const lost = [...taken].filter(([key]) => !found.has(key));
  const twice = rows.filter(({ count }) => count !== 1);
  const other = rows.filter(({ key, sum }) => taken.get(key) !== -sum);
  return [
    ...told(lost.length, "movements were confirmed and are lost", lost[0]),
    ...told(twice.length, "movements were made twice", twice[0]),
    ...told(other.length, "movements are not those that were confirmed", other[0]),
  ];
}

async function bookFaults(cluster: Cluster, { added, prices, unknown }: Journal): Promise<string[]> {
  const rows = await cluster.sql<{ id: string; isbn: string; title: string; price: number }>(
    "select id, isbn, title, price::float from books",
  );
  const titles = new Map(rows.map(({ isbn, title }) => [isbn, title]));
  const lost = [...added].filter(([isbn, title]) => titles.get(isbn) !== title);
  const surplus = rows.filter(
    ({ isbn, title }) => title.startsWith("chaos-") && !added.has(isbn) && !unknown.has(title),
  );
  const byId = new Map(rows.map(({ id, price }) => [id, price]));
  // The next change may have been made without an answer.
  const changed = [...prices].filter(([id, price]) => ![price, price + 1].includes(byId.get(id) ?? 0));
  return [
    ...told(lost.length, "books were confirmed and are lost", lost[0]),
    ...told(surplus.length, "books were never confirmed", surplus[0]),
    ...told(changed.length, "prices are not those that were confirmed", changed[0]),
  ];
}

async function stockFaults(cluster: Cluster): Promise<string[]> {
  const rows = await cluster.sql(
    `select books.id from books left join stock_movements on book_id = books.id
     group by books.id having coalesce(sum(delta), 0) <> stock or stock < 0 or stock > $1`,
    [STOCK],
  );
  return told(rows.length, "books have another stock than the sum of their movements", rows[0]);
}

const told = (count: number, what: string, example: unknown) =>
  count > 0 ? [`${count} ${what}, such as ${JSON.stringify(example)}.`] : [];
