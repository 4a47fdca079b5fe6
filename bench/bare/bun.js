/** The upper limit for Bun's HTTP server: the same response to every request. */
const body = process.env.BODY;
const headers = { "content-type": "application/json" };
Bun.serve({ hostname: "127.0.0.1", port: process.env.PORT, fetch: () => new Response(body, { headers }) });
