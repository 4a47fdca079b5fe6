/** The upper limit for a Worker: the same response to every request. */
const headers = { "content-type": "application/json" };
export default { fetch: (_request, { BODY }) => new Response(BODY, { headers }) };
