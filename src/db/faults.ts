/** A statement broke a named constraint; nothing was written. */
export class ConstraintFault extends Error {
  override name = "ConstraintFault";
  readonly constraint: string;
  constructor(constraint: string, cause: unknown) {
    super(`constraint ${constraint}`, { cause });
    this.constraint = constraint;
  }
}

/** The database cannot be reached, or did not answer in time; whether a write happened is unknown. */
export class UnavailableFault extends Error {
  override name = "UnavailableFault";
  constructor(cause: unknown) {
    super("the database is unavailable", { cause });
  }
}

/** The database is there, but it is not set up as this version needs it; nothing was written. */
export class SetupFault extends Error {
  override name = "SetupFault";
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/**
 * SQLSTATE classes and codes (PostgreSQL, appendix A) of faults of the server rather than of the statement: connection,
 * authorization, serialization and deadlock, resources, operator intervention, system errors; timeouts of every kind; a
 * database that is read-only or missing.
 */
const UNAVAILABLE = /^(08|28|40|53|57|58)|^(25P03|25P04|55P03|25006|3D000)$/;

/** A table, column, function, type or schema that is missing, or a right that the app's role lacks. */
const NOT_SET_UP = /^(42P01|42703|42883|42704|3F000|42501)$/;

/** Every SQLSTATE has a digit; system errors of five letters, such as EPIPE, have none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/**
 * SQLSTATE classes and codes of errors that end a statement and its transaction, and leave the connection usable. The field
 * `severity` would tell as much, but in the language of the server.
 */
const OF_STATEMENT = /^(21|22|23|40|42|54|55|P0)|^(25006|57014)$/;

/** The SQLSTATE of a driver's error; undefined for an error that is not from Postgres. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && SQLSTATE.test(code) ? code : undefined;
}

/** Whether the transaction's `lock_timeout` ended the statement. */
export const isLockTimeout = (error: unknown) => sqlStateOf(error) === "55P03";

/** Whether Postgres refused a statement and rolled its transaction back, so that the connection can be used again. */
export function isOfStatement(error: unknown): boolean {
  return OF_STATEMENT.test(sqlStateOf(error) ?? "");
}

/**
 * Translates a driver's error into a fault. Drivers wrap errors in one another, so this follows `cause` and Neon's
 * `sourceError` to the first error with a SQLSTATE.
 *
 * @param error what a driver threw after sending a statement; without a SQLSTATE, the connection failed
 * @returns a fault of this module, or the error itself if it is a defect of Octavo, such as bad SQL
 */
export function faultOf(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = (at as { sourceError?: unknown }).sourceError ?? at.cause) {
    const code = sqlStateOf(at);
    if (code === undefined) continue;
    const { constraint } = at as { constraint?: unknown };
    if (code.startsWith("23") && typeof constraint === "string") return new ConstraintFault(constraint, at);
    if (NOT_SET_UP.test(code)) {
      const remedy = "run npm run db:migrate, with --grant for the app's role";
      return new SetupFault(`The database is not set up for this version (${at.message}): ${remedy}.`, at);
    }
    return UNAVAILABLE.test(code) ? new UnavailableFault(at) : error;
  }
  return new UnavailableFault(error);
}
