/** What the Cache API of workerd sends its requests to: a map in memory, in the place of Cloudflare's cache. */
const entries = new Map();
const END_OF_HEAD = "\r\n\r\n";

export default {
  async fetch(request) {
    const { method, url } = request;
    if (method === "PUT") {
      entries.set(url, parse(await request.bytes()));
      return new Response(null, { status: 204 });
    }
    const entry = entries.get(url);
    if (!entry) return new Response(null, { status: 504, headers: { "CF-Cache-Status": "MISS" } });
    return new Response(entry.body, { headers: [...entry.headers, ["CF-Cache-Status", "HIT"]] });
  },
};

/** The response in the body of a PUT, in the form of HTTP/1.1. */
function parse(bytes) {
  const text = new TextDecoder("latin1").decode(bytes);
  const end = text.indexOf(END_OF_HEAD);
  const [, ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((line) => line.split(/: (.*)/s, 2));
  const kept = headers.filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name));
  return { headers: kept, body: bytes.slice(end + END_OF_HEAD.length) };
}
