/** What the errors of drivers mean, by the SQLSTATE in them. */
import { describe, expect, test } from "vitest";
import { ConstraintFault, faultOf, isOfStatement, SetupFault, UnavailableFault } from "../src/db/faults.ts";

const errorOf = (code?: unknown, members: object = {}) =>
  Object.assign(new Error("as a driver says it"), { code }, members);

/** Codes of every class in appendix A of PostgreSQL's manual that an application meets. */
const UNAVAILABLE = `
  08000 08001 08003 08006 08P01 28000 28P01 40000 40001 40002 40003 40P01 53000 53100 53200 53300 53400
  57000 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 25P03 25P04 25006 55P03 3D000
`.match(/\w+/g) as string[];
const NOT_SET_UP = ["3F000", "42501", "42703", "42704", "42883", "42P01"];
const DEFECTS = `
  01000 02000 03000 0A000 0B000 20000 21000 22000 22003 22012 22021 22P02 23502 23505 24000 25000 25001 25P01
  25P02 2D000 34000 3B001 42601 42804 42P02 54000 54001 55000 55006 P0001 P0002 XX000 XX001
`.match(/\b\w{5}\b/g) as string[];

describe("the database is unavailable by", () => {
  test.each(UNAVAILABLE)("%s", (code) => {
    const error = errorOf(code);
    expect(faultOf(error)).toBeInstanceOf(UnavailableFault);
    expect(faultOf(error)).toHaveProperty("cause", error);
  });

  test.each([undefined, null, 8006, "EPIPE", "ECONNREFUSED", "UND_ERR_SOCKET", "0800", "080060", ""])(
    "a code that is no SQLSTATE: %j",
    (code) => expect(faultOf(errorOf(code))).toBeInstanceOf(UnavailableFault),
  );

  test.each([undefined, "a text", { code: "42601" }])("what is no error: %j", (error) =>
    expect(faultOf(error)).toBeInstanceOf(UnavailableFault),
  );
});

test.each(NOT_SET_UP)("the database is not set up by %s", (code) => {
  const error = errorOf(code);
  expect(faultOf(error)).toBeInstanceOf(SetupFault);
  expect(faultOf(error)).toHaveProperty("cause", error);
});

test.each(DEFECTS)("%s is a defect, and stays as it is", (code) => {
  const error = errorOf(code);
  expect(faultOf(error)).toBe(error);
});

test.each(["23502", "23503", "23505", "23514", "23P01"])("%s breaks the constraint that it names", (code) => {
  const fault = faultOf(errorOf(code, { constraint: "books_isbn_key" }));
  expect(fault).toBeInstanceOf(ConstraintFault);
  expect(fault).toHaveProperty("constraint", "books_isbn_key");
});

test.each(["cause", "sourceError"])("the SQLSTATE is found in an error's %s, at any depth", (member) => {
  const wrapped = (error: Error) =>
    errorOf("ECONNRESET", { [member]: errorOf(undefined, { [member]: error }) });
  expect(faultOf(wrapped(errorOf("40P01")))).toBeInstanceOf(UnavailableFault);
  expect(faultOf(wrapped(errorOf("23505", { constraint: "books_isbn_key" })))).toBeInstanceOf(
    ConstraintFault,
  );
  const defect = wrapped(errorOf("42601"));
  expect(faultOf(defect)).toBe(defect);
});

/** After these the transaction is rolled back and the connection good, so that each write of it may be tried again. */
const OF_STATEMENT = `
  21000 22003 22012 23505 23514 25006 40001 40P01 42601 42P01 54001 55P03 57014 P0001
`.match(/\w+/g) as string[];
const NOT_OF_STATEMENT = ["08006", "25P03", "25P04", "28000", "3D000", "53300", "57P01", "57P05", "58030"];

test.each(OF_STATEMENT)("%s has ended a statement and left the connection", (code) =>
  expect(isOfStatement(errorOf(code)), code).toBe(true),
);
test.each([...NOT_OF_STATEMENT, "EPIPE", "42", undefined, 40001])("after %s nothing is certain", (code) =>
  expect(isOfStatement(errorOf(code)), `${code}`).toBe(false),
);
