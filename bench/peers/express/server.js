/** The same bookstore on Express and node-postgres. */
import express from "express";
import morgan from "morgan";
import { adjustStock, BookError, createBook, getBook, listBooks } from "../bookstore.js";

const app = express();
app.use(morgan("combined"));
app.use(express.json({ limit: "1mb" }));

const books = express.Router();
app.use("/api/v1/books", books);

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

function demand(good, message) {
  if (!good) throw new BookError(422, message);
}

books.param("id", (_request, _response, next, id) =>
  next(UUID.test(id) ? undefined : new BookError(404, "There is no such book.")),
);

books.get("/", async ({ query: { limit = "20", search, after } }, response) => {
  demand(Number.isInteger(+limit) && +limit >= 1 && +limit <= 100, "limit must be 1 to 100");
  response.json(await listBooks({ limit: +limit, search, after }));
});

books.get("/:id", async ({ params }, response) => {
  response.json(await getBook(params.id));
});

books.post("/", async ({ body = {} }, response) => {
  const { title, author, isbn, price, stock = 0, description = null } = body;
  const isText = (value, most) => typeof value === "string" && value.length > 0 && value.length <= most;
  demand(isText(title, 255), "title must have 1 to 255 characters");
  demand(isText(author, 255), "author must have 1 to 255 characters");
  demand(isText(isbn, 13), "isbn must be a valid ISBN-13");
  demand(typeof price === "number" && price >= 0, "price must be 0 or more");
  demand(Number.isInteger(stock) && stock >= 0, "stock must be 0 or more");
  demand(
    description === null || isText(description, 10_000),
    "description must have 10000 characters or fewer",
  );
  const book = await createBook(body);
  response.status(201).location(`/api/v1/books/${book.id}`).json(book);
});

books.post("/:id/stock", async ({ params, body = {} }, response) => {
  demand(Number.isInteger(body.delta), "delta must be an integer");
  response.json(await adjustStock(params.id, body.delta));
});

// Express tells error handlers by their four parameters.
app.use((error, _request, response, _next) => {
  const status = error.statusCode ?? 500;
  if (status === 500) console.error(error);
  response.status(status).json({ message: status === 500 ? "Something went wrong." : error.message });
});

app.listen(Number(process.env.PORT), "127.0.0.1");
