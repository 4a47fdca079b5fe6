import { ConstraintFault, SetupFault, UnavailableFault } from "../db/faults.ts";
import { InProgressFault, MismatchFault } from "../db/idempotency.ts";
import { MissingFault, VersionFault } from "../db/resource.ts";
import { parsePreconditions, preconditionFailed } from "./etag.ts";
import { type ConstraintMeanings, Problem } from "./problem.ts";

/**
 * Maps an error to the problem that the client gets. An unknown error is a defect of ours.
 *
 * @param constraints what violating a named constraint of the database means to a client
 */
export function problemFor(error: unknown, request: Request, constraints: ConstraintMeanings = {}): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof MissingFault) return new Problem("not_found", "There is no such resource.");
  if (error instanceof VersionFault) return preconditionFailed(parsePreconditions(request.headers));
  if (error instanceof MismatchFault) {
    return new Problem("idempotency_mismatch", "The Idempotency-Key was used for another request.");
  }
  if (error instanceof InProgressFault) {
    const message = "The first request with this Idempotency-Key is still running.";
    return new Problem("idempotency_in_progress", message, { headers: { "Retry-After": "1" } });
  }
  if (error instanceof ConstraintFault) {
    const meaning = constraints[error.constraint];
    if (meaning) return meaning(error);
  }
  if (error instanceof UnavailableFault) {
    const message = `The database cannot be reached or did not answer in time.${outcomeOf(request)}`;
    return new Problem("database_unavailable", message, { headers: { "Retry-After": "1" }, cause: error });
  }
  if (error instanceof SetupFault) {
    const message = "The database does not have the schema that this version of the service needs.";
    return new Problem("service_unavailable", message, { headers: { "Retry-After": "10" }, cause: error });
  }
  return new Problem("internal_error", "An internal error occurred. It was logged.", { cause: error });
}

/** What a client should know about a request to which the database did not respond. */
function outcomeOf({ method, headers }: Request): string {
  if (method === "GET" || method === "HEAD") return "";
  return method === "POST" && headers.has("Idempotency-Key")
    ? " It is unknown whether the change was made. Retry with the same Idempotency-Key; that is safe."
    : " It is unknown whether the change was made: read the resource before you retry.";
}
