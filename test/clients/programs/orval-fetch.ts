import { adjustStock, createBook, listBooks } from "./client";

const { OCTAVO_TOKEN, OCTAVO_ISBN = "" } = process.env;
const signed = { headers: { Authorization: `Bearer ${OCTAVO_TOKEN}` } };

const page = await listBooks({ page: 1, limit: 2 });
if (page.status === 200) console.log(`lists ${page.data.data[0]?.title} ${page.data.total_pages}`);

const book = { title: "Clients", author: "Anon", isbn: OCTAVO_ISBN, price: 1234567.89 };
const created = await createBook(book, signed);
if (created.status !== 201) throw new Error(created.data.message);
console.log(`creates ${created.data.price} ${created.data.description}`);

await adjustStock(created.data.id, { delta: 3 }, signed);
const short = await adjustStock(created.data.id, { delta: -5 }, signed);
if (short.status === 409) console.log(`409 ${short.data.error} ${short.data.available}`);

const refused = await createBook({ ...book, isbn: "1234567890" }, signed);
if (refused.status === 422)
  console.log(`422 ${refused.data.details?.[0]?.path} ${refused.data.details?.[0]?.code}`);
