import type * as zod from "zod";
import {
  AdjustStock409Response,
  AdjustStockBody,
  CreateBook201Response,
  CreateBook422Response,
  CreateBookBody,
  ListBooks200Response,
} from "./client";

const { OCTAVO_URL = "", OCTAVO_TOKEN, OCTAVO_ISBN = "" } = process.env;

const page = await send("/api/v1/books?page=1&limit=2", ListBooks200Response);
console.log(`lists ${page.data[0]?.title} ${page.total_pages}`);

const book = CreateBookBody.parse({ title: "Clients", author: "Anon", isbn: OCTAVO_ISBN, price: 1234567.89 });
const created = await send("/api/v1/books", CreateBook201Response, book);
console.log(`creates ${created.price} ${created.description}`);

const stock = `/api/v1/books/${created.id}/stock`;
await send(stock, CreateBook201Response, AdjustStockBody.parse({ delta: 3 }));
const short = await send(stock, AdjustStock409Response, AdjustStockBody.parse({ delta: -5 }));
console.log(`409 ${short.error} ${short.available}`);

const refused = await send("/api/v1/books", CreateBook422Response, { ...book, isbn: "1234567890" });
console.log(`422 ${refused.details?.[0]?.path} ${refused.details?.[0]?.code}`);

async function send<S extends zod.ZodType>(path: string, schema: S, body?: object): Promise<zod.output<S>> {
  const response = await fetch(OCTAVO_URL + path, {
    method: body ? "POST" : "GET",
    headers: { Authorization: `Bearer ${OCTAVO_TOKEN}`, "Content-Type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  return schema.parse(await response.json());
}
