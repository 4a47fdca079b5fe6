import pg from "pg";

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** An error of the endpoint itself, not of Postgres. */
export class EndpointError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const ERROR_FIELDS = [
  "code",
  "detail",
  "hint",
  "position",
  "internalPosition",
  "internalQuery",
  "severity",
  "where",
  "table",
  "column",
  "schema",
  "dataType",
  "constraint",
  "file",
  "line",
  "routine",
] as const;

export function errorReply(error: unknown): Reply {
  const { message, cause } = error as Error;
  const reported = [error, cause].find((error) => error instanceof pg.DatabaseError);
  const fields = Object.fromEntries(ERROR_FIELDS.map((name) => [name, reported?.[name] ?? null]));
  const status = error instanceof EndpointError ? error.status : reported ? 400 : 500;
  return { status, headers: status === 405 ? { allow: "POST" } : {}, body: { message, ...fields } };
}
