/** The log lines of `npm run dev` for people. */
import { afterEach, expect, test, vi } from "vitest";
import { formatLine } from "../../dev/log.ts";

const event = { status: 500, method: "GET", route: "/x", duration_ms: 1.25, problem: "internal_error" };
const plain = (line: string) => {
  vi.stubEnv("NO_COLOR", "1");
  return formatLine(line);
};
afterEach(() => vi.unstubAllEnvs());

test.each(["", "null", "5", "[]", "{", '{"a":1}', '{"duration_ms":"1"}', "The configuration is invalid."])(
  "%j, which is not an event, is printed unchanged",
  (line) => expect(plain(line)).toBe(line),
);

test("an event with an error prints the stacks of the error and its cause, or the message where there is no stack", () => {
  const cause = { name: "Error", message: "cause\nof two lines" };
  const error = { name: "Error", message: "what", stack: "Error: what\n    at somewhere", cause };
  expect(plain(JSON.stringify({ ...event, error })).split("\n")).toEqual([
    "500 GET    /x 1.3 ms internal_error",
    "    Error: what",
    "        at somewhere",
    "    caused by",
    "    Error: cause",
    "    of two lines",
  ]);
});

test("an event of a rejected token prints the reason", () => {
  const refused = {
    ...event,
    status: 401,
    problem: "unauthorized",
    refusal: "The token has expired.\u001b[31m",
  };
  expect(plain(JSON.stringify(refused)).split("\n")).toEqual([
    "401 GET    /x 1.3 ms unauthorized",
    "    The token has expired.[31m",
  ]);
});

test.each(['{"duration_ms":1}', '{"duration_ms":1,"error":5}', '{"duration_ms":1,"error":{"stack":5}}'])(
  "%s, an event that something else logged, is printed without a failure",
  (line) => expect(plain(line)).toMatch(/^undefined /),
);

test("control characters do not reach the terminal", () => {
  const error = { name: "Error", message: "\u001b]0;title\u0007\r\u009b31m\u0000" };
  expect(plain(JSON.stringify({ ...event, error }))).toMatch(/^[\n -~]*$/);
  expect(plain("a\u001b[31mb")).toBe("a[31mb");
});
