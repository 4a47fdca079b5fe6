import { client } from "./client/client.gen";
import { adjustStock, createBook, listBooks } from "./client/sdk.gen";

const { OCTAVO_URL = "", OCTAVO_TOKEN = "", OCTAVO_ISBN = "" } = process.env;
client.setConfig({ baseUrl: OCTAVO_URL, auth: OCTAVO_TOKEN });

const { data: page } = await listBooks({ query: { page: 1, limit: 2 } });
console.log(`lists ${page?.data[0]?.title} ${page?.total_pages}`);

const book = { title: "Clients", author: "Anon", isbn: OCTAVO_ISBN, price: 1234567.89 };
const { data: created } = await createBook({ body: book });
console.log(`creates ${created?.price} ${created?.description}`);

const path = { id: created?.id ?? "" };
await adjustStock({ path, body: { delta: 3 } });
const { error: short } = await adjustStock({ path, body: { delta: -5 } });
console.log(`409 ${short?.error} ${short?.available}`);

const { error: refused } = await createBook({ body: { ...book, isbn: "1234567890" } });
console.log(`422 ${refused?.details?.[0]?.path} ${refused?.details?.[0]?.code}`);
