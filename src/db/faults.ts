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
 * SQLSTATE classes and codes (PostgreSQL, appendix A) that speak of the server and not of the statement: connection
 * and authorization faults, serialization and deadlock, lack of resources, operator intervention, system errors;
 * whatever took longer than the server allows; a database that is read-only or not there.
 */
const UNAVAILABLE = /^(08|28|40|53|57|58)|^(25P03|25P04|55P03|25006|3D000)$/;

/** A table, column, function, type or schema that is not there, and a right that the app's role does not have. */
const NOT_SET_UP = /^(42P01|42703|42883|42704|3F000|42501)$/;

/** Every one has a digit, and system errors of five letters (EPIPE) have none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/**
 * SQLSTATE classes and codes of what ends a statement, with its transaction, and leaves the connection as it is. What Postgres
 * calls an error rather than fatal is said in the language of the server.
 */
const OF_STATEMENT = /^(21|22|23|40|42|54|55|P0)|^(25006|57014)$/;

/** The SQLSTATE of a driver's error; undefined where it is none of Postgres's. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && SQLSTATE.test(code) ? code : undefined;
}

/** Whether a lock was not to be had in the time that the transaction sets. */
export const isLockTimeout = (error: unknown) => sqlStateOf(error) === "55P03";

/** Whether a driver's error says that Postgres has refused a statement, and rolled its transaction back. */
export function isOfStatement(error: unknown): boolean {
  return OF_STATEMENT.test(sqlStateOf(error) ?? "");
}

/**
 * Tells what a driver's error means to the API. Drivers wrap errors in one another, so `cause` and
 * Neon's `sourceError` are followed to the first that carries a SQLSTATE.
 *
 * @param error what a driver threw once a statement was on its way; without a SQLSTATE, the way was the trouble
 * @returns a fault of this module, or the error itself where it is a defect of ours (bad SQL, say)
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
