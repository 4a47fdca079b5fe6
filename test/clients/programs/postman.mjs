/** Runs requests of a Postman collection with newman: all of them as they are (`--all`), or those of the other programs. */
import { readFile } from "node:fs/promises";
import newman from "newman";

const { OCTAVO_URL, OCTAVO_TOKEN, OCTAVO_ISBN } = process.env;
const collection = JSON.parse(await readFile("collection.json", "utf8"));
const requestsIn = ({ item, ...request }) => (item ? item.flatMap(requestsIn) : [request]);

if (process.argv.includes("--all")) {
  const executions = await runAll(collection.item);
  const refused = executions.filter(({ response }) => [undefined, 400, 422].includes(response?.code));
  for (const { item, response } of refused)
    console.error(`${item.name}: ${response?.code} ${response?.text()}`);
  process.exit(refused.length > 0 ? 1 : 0);
}

const page = await send("List and search books", { query: "page=1&limit=2" });
console.log(`lists ${page.data[0].title} ${page.total_pages}`);

const book = { title: "Clients", author: "Anon", isbn: OCTAVO_ISBN, price: 1234567.89 };
const created = await send("Add a book", { body: book });
console.log(`creates ${created.price} ${created.description}`);

const stock = "Add to a book's stock, or take from it";
await send(stock, { id: created.id, body: { delta: 3 } });
const short = await send(stock, { id: created.id, body: { delta: -5 } });
console.log(`409 ${short.error} ${short.available}`);

const refused = await send("Add a book", { body: { ...book, isbn: "1234567890" } });
console.log(`422 ${refused.details[0].path} ${refused.details[0].code}`);

/** Sends the request of a name with other values, as a person types them into Postman. */
async function send(name, { query, id, body }) {
  const { request, ...item } = requestsIn(collection).find((candidate) => candidate.name === name);
  if (query)
    request.url.query = query
      .split("&")
      .map((pair) => ({ key: pair.split("=")[0], value: pair.split("=")[1] }));
  if (id) request.url.variable.find(({ key }) => key === "id").value = id;
  if (body) request.body.raw = JSON.stringify(body);
  const [{ response }] = await runAll([{ ...item, request }]);
  return response.json();
}

function runAll(item) {
  const envVar = [
    { key: "baseUrl", value: OCTAVO_URL },
    { key: "bearerToken", value: OCTAVO_TOKEN },
  ];
  return new Promise((resolve, reject) => {
    newman.run({ collection: { ...collection, item }, envVar, reporters: [] }, (error, summary) =>
      error ? reject(error) : resolve(summary.run.executions),
    );
  });
}
