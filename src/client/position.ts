const HEADER = "X-Octavo-Position";

/** Kind and number, in base64url: as texts, later positions of a kind sort after earlier ones. */
const ORDERED = 16;

/**
 * How far the server's database was after the writes of a client. The server says so if it reads from replicas, and the
 * client sends it back with its reads, so that they see its writes.
 */
export class ClientPosition {
  #furthest: string | undefined;

  /** The headers of a read. */
  headers(): Record<string, string> {
    return this.#furthest === undefined ? {} : { [HEADER]: this.#furthest };
  }

  /** Keeps the position of a response, unless that of another one, which came earlier, is further. */
  keep(headers: Headers): void {
    const given = headers.get(HEADER);
    if (given && !isBehind(given, this.#furthest)) this.#furthest = given;
  }
}

function isBehind(given: string, kept: string | undefined): boolean {
  if (kept === undefined) return false;
  const [one, other] = [given, kept].map((position) =>
    atob(position.slice(0, ORDERED).replaceAll("-", "+").replaceAll("_", "/")),
  ) as [string, string];
  return one[0] === other[0] && one < other;
}
