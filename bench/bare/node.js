/** The upper limit for Node's HTTP server: the same response to every request. */
import { createServer } from "node:http";

const body = process.env.BODY;
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
createServer((_request, response) => response.writeHead(200, headers).end(body)).listen(
  process.env.PORT,
  "127.0.0.1",
);
