import createClient from "openapi-fetch";
import type { paths } from "./schema.d.ts";

const { OCTAVO_URL = "", OCTAVO_TOKEN, OCTAVO_ISBN = "" } = process.env;
const client = createClient<paths>({
  baseUrl: OCTAVO_URL,
  headers: { Authorization: `Bearer ${OCTAVO_TOKEN}` },
});

const page = await client.GET("/api/v1/books", { params: { query: { page: 1, limit: 2 } } });
console.log(`lists ${page.data?.data[0]?.title} ${page.data?.total_pages}`);

const book = { title: "Clients", author: "Anon", isbn: OCTAVO_ISBN, price: 1234567.89 };
const { data: created } = await client.POST("/api/v1/books", { body: book });
console.log(`creates ${created?.price} ${created?.description}`);

const path = { id: created?.id ?? "" };
await client.POST("/api/v1/books/{id}/stock", { params: { path }, body: { delta: 3 } });
const { error: short } = await client.POST("/api/v1/books/{id}/stock", {
  params: { path },
  body: { delta: -5 },
});
console.log(`409 ${short?.error} ${short?.available}`);

const { error: refused } = await client.POST("/api/v1/books", { body: { ...book, isbn: "1234567890" } });
console.log(`422 ${refused?.details?.[0]?.path} ${refused?.details?.[0]?.code}`);
