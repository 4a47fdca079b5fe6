import { BooksApi, Configuration, type Problem, ProblemFromJSON, ResponseError } from "./client";

const { OCTAVO_URL = "", OCTAVO_TOKEN = "", OCTAVO_ISBN = "" } = process.env;
const books = new BooksApi(new Configuration({ basePath: OCTAVO_URL, accessToken: OCTAVO_TOKEN }));

const page = await books.listBooks({ page: 1, limit: 2 });
console.log(`lists ${page.data[0]?.title} ${page.totalPages}`);

const bookInput = { title: "Clients", author: "Anon", isbn: OCTAVO_ISBN, price: 1234567.89 };
const { id, price, description } = await books.createBook({ bookInput });
console.log(`creates ${price} ${description}`);

await books.adjustStock({ id, stockAdjustment: { delta: 3 } });
const short = await problemOf(books.adjustStock({ id, stockAdjustment: { delta: -5 } }));
console.log(`409 ${short?.error} ${short?.available}`);

const refused = await problemOf(books.createBook({ bookInput: { ...bookInput, isbn: "1234567890" } }));
console.log(`422 ${refused?.details?.[0]?.path} ${refused?.details?.[0]?.code}`);

async function problemOf(call: Promise<unknown>): Promise<Problem | undefined> {
  const error = await call.catch((error: unknown) => error);
  return error instanceof ResponseError ? ProblemFromJSON(await error.response.json()) : undefined;
}
