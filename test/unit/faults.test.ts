/** How `faultOf` classifies the errors of database drivers by their SQLSTATE. */
import { expect, test } from "vitest";
import {
  ConstraintFault,
  faultOf,
  isOfStatement,
  SetupFault,
  UnavailableFault,
} from "../../src/db/faults.ts";

const errorOf = (code?: unknown, members: object = {}) =>
  Object.assign(new Error("the message of a driver"), { code }, members);

/** Codes of every class in appendix A of the PostgreSQL manual that an application meets. */
const UNAVAILABLE = `
  08000 08001 08003 08006 08P01 28000 28P01 40000 40001 40002 40003 40P01 53000 53100 53200 53300 53400
  57000 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 58P01 25P03 25P04 25006 55P03 3D000
`.match(/\w+/g) as string[];
const NOT_SET_UP = ["3F000", "42501", "42703", "42704", "42883", "42P01"];
const DEFECTS = `
  01000 02000 03000 0A000 0B000 20000 21000 22000 22003 22012 22021 22P02 23502 23505 24000 25000 25001 25P01
  25P02 2D000 34000 3B001 42601 42804 42P02 54000 54001 55000 55006 P0001 P0002 XX000 XX001
`.match(/\b\w{5}\b/g) as string[];

test.each(UNAVAILABLE)("SQLSTATE %s means that the database is unavailable", (code) => {
  const error = errorOf(code);
  expect(faultOf(error)).toBeInstanceOf(UnavailableFault);
  expect(faultOf(error)).toHaveProperty("cause", error);
});

test.each([undefined, null, 8006, "EPIPE", "ECONNREFUSED", "UND_ERR_SOCKET", "0800", "080060", ""])(
  "the code %j, which is not an SQLSTATE, means that the database is unavailable",
  (code) => expect(faultOf(errorOf(code))).toBeInstanceOf(UnavailableFault),
);

test.each([undefined, "a text", { code: "42601" }])(
  "%j, which is not an Error, means that the database is unavailable",
  (error) => expect(faultOf(error)).toBeInstanceOf(UnavailableFault),
);

test.each(NOT_SET_UP)("SQLSTATE %s means that the database is not set up", (code) => {
  const error = errorOf(code);
  expect(faultOf(error)).toBeInstanceOf(SetupFault);
  expect(faultOf(error)).toHaveProperty("cause", error);
});

test.each(DEFECTS)("SQLSTATE %s is a defect, so the error stays as it is", (code) => {
  const error = errorOf(code);
  expect(faultOf(error)).toBe(error);
});

test.each(["23502", "23503", "23505", "23514", "23P01"])(
  "SQLSTATE %s becomes a fault of the constraint that the error names",
  (code) => {
    const fault = faultOf(errorOf(code, { constraint: "books_isbn_key" }));
    expect(fault).toBeInstanceOf(ConstraintFault);
    expect(fault).toHaveProperty("constraint", "books_isbn_key");
  },
);

test.each(["cause", "sourceError"])("an SQLSTATE is found in an error's %s at any depth", (member) => {
  const wrapped = (error: Error) =>
    errorOf("ECONNRESET", { [member]: errorOf(undefined, { [member]: error }) });
  expect(faultOf(wrapped(errorOf("40P01")))).toBeInstanceOf(UnavailableFault);
  expect(faultOf(wrapped(errorOf("23505", { constraint: "books_isbn_key" })))).toBeInstanceOf(
    ConstraintFault,
  );
  const defect = wrapped(errorOf("42601"));
  expect(faultOf(defect)).toBe(defect);
});

/** These roll the transaction back and leave the connection usable, so each write in it can be retried. */
const OF_STATEMENT = `
  21000 22003 22012 23505 23514 25006 40001 40P01 42601 42P01 54001 55P03 57014 P0001
`.match(/\w+/g) as string[];
const NOT_OF_STATEMENT = ["08006", "25P03", "25P04", "28000", "3D000", "53300", "57P01", "57P05", "58030"];

test.each(OF_STATEMENT)("SQLSTATE %s ends a statement and leaves the connection usable", (code) =>
  expect(isOfStatement(errorOf(code)), code).toBe(true),
);
test.each([...NOT_OF_STATEMENT, "EPIPE", "42", undefined, 40001])(
  "%s leaves the state of the connection unknown",
  (code) => expect(isOfStatement(errorOf(code)), `${code}`).toBe(false),
);
