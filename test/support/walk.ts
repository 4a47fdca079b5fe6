/** More pages, and more rows, than any walk of the tests has. */
const MANY = 300;

/**
 * The pages of a walk, from the first one on.
 *
 * @param nextOf asks for the page behind one, where there is one
 * @throws where the walk does not end
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
 * The rows that the client walks through.
 *
 * @throws where the walk does not end
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
