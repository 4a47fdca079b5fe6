/**
 * The position of a client: how far the database was after its last write. The client sends it back with its reads, which
 * then come from no replica that is older.
 */
import { parse, serialize } from "hono/utils/cookie";
import { type Position, positionIn, type Reader, textOf } from "../db/position.ts";
import { isLoopback } from "./host.ts";
import { Problem } from "./problem.ts";
import { Seal } from "./seal.ts";

export const POSITION = "X-Octavo-Position";
/** For browsers whose person has written at the counter, and then looks at the shop. */
const COOKIE = "octavo_position";

/** A sealed position of whatever key and cluster. */
export const POSITION_FORM = /^[\w-]{59}$/;

/** @throws Problem `invalid_header` */
export function requirePosition(headers: Headers): void {
  const given = headers.get(POSITION);
  if (given !== null && !POSITION_FORM.test(given))
    throw new Problem("invalid_header", `${POSITION} must be as an earlier response had it.`);
}

/** Seals positions for clients, bound to the cluster and its timeline. */
export class Positions {
  readonly #seal: Seal;
  readonly #maxLag: number;

  /** @param maxLag the seconds after which every replica that is read has come to a position */
  constructor(secret: Uint8Array, maxLag: number) {
    this.#seal = new Seal(secret);
    this.#maxLag = maxLag;
  }

  seal(position: Position): string {
    return this.#seal.seal(scopeOf(position.home), textOf(position));
  }

  /** What a client has seen. A position that was made up, or is of another cluster, counts as none. */
  readerOf(headers: Headers, from: "header" | "cookie"): Reader {
    return {
      after: (home) => {
        const given =
          from === "header" ? headers.get(POSITION) : parse(headers.get("Cookie") ?? "", COOKIE)[COOKIE];
        const text = given ? this.#seal.open(scopeOf(home), given) : undefined;
        return text === undefined ? undefined : positionIn(home, text);
      },
    };
  }

  cookieOf(position: Position, { hostname }: URL): string {
    return serialize(COOKIE, this.seal(position), {
      path: "/",
      httpOnly: true,
      sameSite: "Lax",
      secure: !isLoopback(hostname),
      maxAge: this.#maxLag + 1,
    });
  }
}

const scopeOf = (home: string) => `position ${home}`;
