/** A proxy between a server and its database that disturbs what passes. */
import type { Socket } from "node:net";
import { type Link, startProxy, type TcpProxy } from "../support/proxy.ts";

/**
 * How a gate treats what passes:
 * - `holdRequests`, `holdAnswers`: nothing passes in that direction, and arrives late, when the gate opens;
 * - `cut`: some answers end in the middle, with their connection;
 * - `slow`: each piece of an answer takes {@link SLOW_MS};
 * - `lose`: nothing passes, and connections of that time stay silent for ever.
 */
export type Mode = "open" | "holdRequests" | "holdAnswers" | "cut" | "slow" | "lose";

export const SLOW_MS = 150;

/** Of so many pieces of answers, one is cut. */
const CUT_EVERY = 7;

export class Gate {
  #mode: Mode = "open";
  #answers = 0;
  #proxy: TcpProxy | undefined;
  readonly #held: [to: Socket, data: Buffer][] = [];
  readonly #lost = new WeakSet<Link>();

  /** Starts a gate in front of a server. */
  static async start(target: URL): Promise<Gate> {
    const gate = new Gate();
    gate.#proxy = await startProxy(target, { join: (link) => gate.#join(link) });
    return gate;
  }

  get proxy(): TcpProxy {
    if (!this.#proxy) throw new Error("The gate was not started.");
    return this.#proxy;
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    if (mode !== "open") return;
    for (const [to, data] of this.#held.splice(0)) if (to.writable) to.write(data);
  }

  #join(link: Link): void {
    const { near, far } = link;
    // Once the gate is open, nothing may overtake what is still on its way.
    let delayed = 0;
    const delay = (data: Buffer) => {
      delayed++;
      setTimeout(() => {
        delayed--;
        if (near.writable) near.write(data);
      }, SLOW_MS);
    };
    near.on("data", (data) => {
      if (this.#loses(link)) return;
      if (this.#mode === "holdRequests") this.#held.push([far, data]);
      else far.write(data);
    });
    far.on("data", (data) => {
      if (this.#loses(link)) return;
      if (this.#mode === "holdAnswers") this.#held.push([near, data]);
      else if (this.#mode === "slow" || delayed > 0) delay(data);
      else if (this.#mode === "cut" && ++this.#answers % CUT_EVERY === 0) {
        near.write(data.subarray(0, data.length / 2));
        link.cut();
      } else near.write(data);
    });
  }

  #loses(link: Link): boolean {
    if (this.#mode === "lose") this.#lost.add(link);
    return this.#lost.has(link);
  }
}
