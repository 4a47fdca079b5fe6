import axios, { isAxiosError } from "axios";
import { getOctavo, type Problem } from "./client";

const { OCTAVO_URL = "", OCTAVO_TOKEN, OCTAVO_ISBN = "" } = process.env;
const { adjustStock, createBook, listBooks } = getOctavo();
axios.defaults.baseURL = OCTAVO_URL;
axios.defaults.headers.common.Authorization = `Bearer ${OCTAVO_TOKEN}`;

const { data: page } = await listBooks({ page: 1, limit: 2 });
console.log(`lists ${page.data[0]?.title} ${page.total_pages}`);

const book = { title: "Clients", author: "Anon", isbn: OCTAVO_ISBN, price: 1234567.89 };
const { data: created } = await createBook(book);
console.log(`creates ${created.price} ${created.description}`);

await adjustStock(created.id, { delta: 3 });
const short = await problemOf(adjustStock(created.id, { delta: -5 }));
console.log(`409 ${short?.error} ${short?.available}`);

const refused = await problemOf(createBook({ ...book, isbn: "1234567890" }));
console.log(`422 ${refused?.details?.[0]?.path} ${refused?.details?.[0]?.code}`);

async function problemOf(call: Promise<unknown>): Promise<Problem | undefined> {
  const error = await call.catch((error: unknown) => error);
  return isAxiosError<Problem>(error) ? error.response?.data : undefined;
}
