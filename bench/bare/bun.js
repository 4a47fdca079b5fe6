/** As little as Bun's HTTP server can do: an answer that is always the same. */
const body = process.env.BODY;
const headers = { "content-type": "application/json" };
Bun.serve({ hostname: "127.0.0.1", port: process.env.PORT, fetch: () => new Response(body, { headers }) });
