/** More pages, and more rows, than any test's listing has. */
const MANY = 300;

/**
 * Collects the pages of a listing.
 *
 * @param nextOf requests the page after a page, if there is one
 * @throws if the listing does not end
 */
export async function pagesOf<Page>(
  first: Page,
  nextOf: (page: Page) => Promise<Page> | "" | null | undefined,
): Promise<Page[]> {
  const pages = [first];
  for (let next = nextOf(first); next; ) {
    const page = await next;
    pages.push(page);
    if (pages.length > MANY) throw endless("pages", page);
    next = nextOf(page);
  }
  return pages;
}

/**
 * Collects the rows that the client's iterator yields.
 *
 * @throws if the listing does not end
 */
export async function rowsOf<Row>(listing: AsyncIterable<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of listing) {
    rows.push(row);
    if (rows.length > MANY) throw endless("rows", row);
  }
  return rows;
}

const endless = (what: string, last: unknown) =>
  new Error(`The walk does not end. Behind ${MANY} ${what} comes ${JSON.stringify(last).slice(0, 300)}`);
