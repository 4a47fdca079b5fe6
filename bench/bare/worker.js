/** As little as a Worker can do: an answer that is always the same. */
const headers = { "content-type": "application/json" };
export default { fetch: (_request, { BODY }) => new Response(BODY, { headers }) };
