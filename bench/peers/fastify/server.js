/** The same bookstore on Fastify and node-postgres. */
import Fastify from "fastify";
import { adjustStock, createBook, getBook, listBooks } from "../bookstore.js";

const string = { type: "string" };
const nullable = { type: ["string", "null"] };
const id = { type: "object", properties: { id: { type: "string", format: "uuid" } } };
const book = {
  type: "object",
  properties: {
    id: string,
    title: string,
    author: string,
    isbn: string,
    price: { type: "number" },
    stock: { type: "integer" },
    description: nullable,
    created_at: string,
    updated_at: string,
  },
};
const page = {
  type: "object",
  properties: {
    data: { type: "array", items: book },
    limit: { type: "integer" },
    next_cursor: nullable,
  },
};
const query = {
  type: "object",
  properties: {
    limit: { type: "integer", minimum: 1, maximum: 100, default: 20 },
    search: string,
    after: string,
  },
};
const newBook = {
  type: "object",
  required: ["title", "author", "isbn", "price"],
  properties: {
    title: { type: "string", minLength: 1, maxLength: 255 },
    author: { type: "string", minLength: 1, maxLength: 255 },
    isbn: string,
    price: { type: "number", minimum: 0 },
    stock: { type: "integer", minimum: 0 },
    description: { type: ["string", "null"], maxLength: 10_000 },
  },
};
const adjustment = {
  type: "object",
  required: ["delta"],
  properties: { delta: { type: "integer" } },
};

const app = Fastify({ logger: true });

app.register(
  async (books) => {
    books.get("/", { schema: { querystring: query, response: { 200: page } } }, (request) =>
      listBooks(request.query),
    );
    books.get("/:id", { schema: { params: id, response: { 200: book } } }, (request) =>
      getBook(request.params.id),
    );
    books.post("/", { schema: { body: newBook, response: { 201: book } } }, async (request, reply) => {
      const made = await createBook(request.body);
      return reply.code(201).header("location", `/api/v1/books/${made.id}`).send(made);
    });
    books.post(
      "/:id/stock",
      { schema: { params: id, body: adjustment, response: { 200: book } } },
      (request) => adjustStock(request.params.id, request.body.delta),
    );
  },
  { prefix: "/api/v1/books" },
);

await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
