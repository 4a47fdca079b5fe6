/** What the Node peers share: the books and their SQL over Octavo's schema, by node-postgres. */
import pg from "pg";

const NUMERIC = 1700;
pg.types.setTypeParser(NUMERIC, Number);

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.DATABASE_POOL_SIZE),
});

// A Date would lose the microseconds, which the cursor needs.
const instant = (column) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ${column}`;
const COLUMNS = `id, title, author, isbn, price, stock, description, ${instant("created_at")}, ${instant("updated_at")}`;

/** An error with the status to answer with. */
export class BookError extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

const notFound = () => new BookError(404, "There is no such book.");

export async function getBook(id) {
  const text = `select ${COLUMNS} from books where id = $1`;
  const { rows } = await pool.query({ name: "get", text, values: [id] });
  return rows[0] ?? Promise.reject(notFound());
}

/** An index of both columns' trigrams serves this condition. */
const searched = (pattern) => `(title ilike ${pattern} or author ilike ${pattern})`;

export async function listBooks({ limit = 20, search, after }) {
  const values = [];
  const value = (given) => `$${values.push(given)}`;
  const conditions = ["true"];
  if (after) {
    const [time, id] = after.split("_");
    if (!id || Number.isNaN(Date.parse(time))) throw new BookError(400, "This is no cursor.");
    conditions.push(`(books.created_at, id) < (${value(time)}, ${value(id)})`);
  }
  if (search) conditions.push(searched(value(`%${search}%`)));
  const text = `select ${COLUMNS} from books where ${conditions.join(" and ")}
    order by books.created_at desc, id desc limit ${value(limit + 1)}`;
  // A search is planned with its term, as one plan for all terms is a bad one for most.
  const name = search ? undefined : `list ${conditions.length}`;
  const { rows } = await pool.query({ name, text, values });
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return { data, limit, next_cursor: rows.length > limit ? `${last.created_at}_${last.id}` : null };
}

export async function createBook({ title, author, isbn, price, stock = 0, description = null }) {
  if (!isIsbn13(isbn)) throw new BookError(422, "isbn must be a valid ISBN-13.");
  if (price === 0 && stock > 0) throw new BookError(422, "price must be above 0 for a book with stock.");
  const text = `insert into books (title, author, isbn, price, stock, description)
    values ($1, $2, $3, $4, $5, $6) returning ${COLUMNS}`;
  try {
    const { rows } = await pool.query({
      name: "create",
      text,
      values: [title, author, isbn, price, stock, description],
    });
    return rows[0];
  } catch (error) {
    if (error.constraint !== "books_isbn_key") throw error;
    throw new BookError(409, "There is another book with this ISBN.");
  }
}

export async function adjustStock(id, delta) {
  const text = `update books set stock = stock + $2 where id = $1 and stock + $2 >= 0 returning ${COLUMNS}`;
  const { rows } = await pool.query({ name: "adjust", text, values: [id, delta] });
  if (rows[0]) return rows[0];
  await getBook(id);
  throw new BookError(409, "The stock does not cover it.");
}

function isIsbn13(text) {
  const sum = Array.from(text, (digit, at) => digit * (at % 2 ? 3 : 1)).reduce((a, b) => a + b, 0);
  return /^\d{13}$/.test(text) && sum % 10 === 0;
}
