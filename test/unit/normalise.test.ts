/** Which differences between runtimes the conformance suite ignores, and which it reports. */
import { expect, test } from "vitest";
import type { Exchange } from "../conformance/exchange.ts";
import { idOf } from "../conformance/fixtures.ts";
import { normalise } from "../conformance/normalise.ts";

const [NEW, OTHER] = ["01999999-aaaa-7bbb-8ccc-dddddddddddd", "01999999-aaaa-7bbb-8ccc-eeeeeeeeeeee"];
const [NOW, LATER] = ["2026-03-28T12:00:00.123456Z", "2026-03-28T12:00:00.123457Z"];
const OLD = "2020-01-01T00:00:00.000001Z";
const DIGIT = "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2";

const cursor = (position: string[], seal = DIGIT) =>
  Buffer.concat([Buffer.from(JSON.stringify(position)), Buffer.from(seal, "hex")]).toString("base64url");

/** The exchange that creates a book, as one server answers it. */
function created(change: (exchange: Exchange) => void = () => {}, [id, moment] = [NEW, NOW]): Exchange[] {
  const exchange: Exchange = {
    method: "POST",
    path: "/api/v1/books",
    status: 201,
    headers: [
      ["date", "Sat, 28 Mar 2026 12:00:00 GMT"],
      ["connection", "keep-alive"],
      ["content-length", "123"],
      ["etag", `"${id}.1.1"`],
      ["location", `/api/v1/books/${id}`],
      ["x-request-id", "request-1"],
    ],
    body: `{"id":"${id}","price":12.3,"created_at":"${moment}","updated_at":"${moment}"}`,
  };
  change(exchange);
  return [exchange];
}

/** The same exchange with the first occurrence of a text replaced in each field and in the body. */
const replacing = (from: string | RegExp, to: string) =>
  created((exchange) => {
    const before = structuredClone(exchange);
    exchange.headers = exchange.headers.map(([name, value]) => [name, value.replace(from, to)]);
    exchange.body = exchange.body.replace(from, to);
    expect(exchange).not.toEqual(before);
  });

const without = (name: string) =>
  created((exchange) => {
    exchange.headers = exchange.headers.filter(([other]) => other !== name);
  });

test.each<[string, Exchange[]]>([
  ["another id and another timestamp", created(() => {}, [OTHER, LATER])],
  ["another Date", replacing("12:00:00 GMT", "12:00:01 GMT")],
  ["no Connection", without("connection")],
  ["fields in another order", created(({ headers }) => headers.reverse())],
])("the comparison ignores %s", (_, exchanges) => {
  expect(normalise(exchanges)).toEqual(normalise(created()));
});

test.each<[string, Exchange[]]>([
  ["another status", created((exchange) => Object.assign(exchange, { status: 200 }))],
  ["another price", replacing("12.3,", "12.4,")],
  ["a price with a trailing zero", replacing("12.3,", "12.30,")],
  ["white space", replacing("12.3,", "12.3, ")],
  ["members in another order", replacing(/("id":".*?",)("price":12.3,)/, "$2$1")],
  ["another version", replacing(`${NEW}.1`, `${NEW}.2`)],
  ["a weak tag", replacing(/^"/, 'W/"')],
  ["a Location that leads elsewhere", replacing(`books/${NEW}`, `books/${OTHER}`)],
  ["an id of version 4", created(() => {}, [NEW.replace("-7", "-4"), NOW])],
  ["an id of the fixtures instead of a new one", created(() => {}, [idOf(1), NOW])],
  ["milliseconds instead of microseconds", created(() => {}, [NEW, NOW.replace("456Z", "Z")])],
  ["an old timestamp instead of a new one", created(() => {}, [NEW, OLD])],
  ["updated_at after created_at", replacing(`${NOW}"}`, `${LATER}"}`)],
  ["another request id", replacing("request-1", "request-2")],
  ["no ETag", without("etag")],
  ["another Content-Length", replacing(/^123$/, "124")],
  ["a field twice", created(({ headers }) => headers.push(["etag", `"${NEW}.1.1"`]))],
  ["an additional field", created(({ headers }) => headers.push(["server", "x"]))],
  ["an additional exchange", [...created(), ...created()]],
])("the comparison reports %s", (_, exchanges) => {
  expect(normalise(exchanges)).not.toEqual(normalise(created()));
});

/** A page whose cursor is in the Link header and in the body. */
function page(next: string): Exchange[] {
  const headers: [string, string][] = [["link", `</api/v1/books?cursor=${next}>; rel="next"`]];
  return [{ method: "GET", path: "/api/v1/books", status: 200, headers, body: `{"next_cursor":"${next}"}` }];
}

const NEW_PLACE = ["f", "a", NOW, NEW];
const OLD_PLACE = ["f", "a", OLD, idOf(1)];

test("the comparison ignores the seal of a cursor at a new place", () => {
  const other = page(cursor(["f", "a", LATER, OTHER], DIGIT.replace("c3", "c4")));
  expect(normalise(other)).toEqual(normalise(page(cursor(NEW_PLACE))));
});

test.each<[string, string, string]>([
  ["another direction", cursor(NEW_PLACE), cursor(["b", ...NEW_PLACE.slice(1)])],
  ["another side", cursor(NEW_PLACE), cursor(["f", "b", ...NEW_PLACE.slice(2)])],
  ["a place in the fixtures instead of a new one", cursor(NEW_PLACE), cursor(OLD_PLACE)],
  ["another row", cursor(OLD_PLACE), cursor([...OLD_PLACE.slice(0, 3), idOf(2)])],
  ["another price", cursor(["f", "a", "9.99", idOf(1)]), cursor(["f", "a", "9.90", idOf(1)])],
  ["another title", cursor(["f", "a", "Émile", NEW]), cursor(["f", "a", "Emile", NEW])],
  ["another seal", cursor(OLD_PLACE), cursor(OLD_PLACE, DIGIT.replace("c3", "c4"))],
  ["no seal", cursor(OLD_PLACE), cursor(OLD_PLACE, "")],
])("the comparison reports %s in a cursor", (_, one, other) => {
  expect(normalise(page(one))).not.toEqual(normalise(page(other)));
});

test("the parts of a normalised body join to the whole body", () => {
  const body = '{"a":[{"b":","},{"c":"[{"}],"d":",\\","}';
  const [only] = normalise([{ method: "GET", path: "/", status: 200, headers: [], body }]);
  expect(only?.body.join("")).toBe(body);
  expect(only?.body.length).toBeGreaterThan(2);
});
