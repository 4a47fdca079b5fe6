import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { atEnd } from "./end.ts";

/** A TCP proxy, with which a test observes, delays or breaks connections. */
export interface TcpProxy {
  /** The target's URL, with the proxy's address. */
  url: string;
  /** The open connections. */
  links: ReadonlySet<Link>;
  /** Refuses connections from now on, and cuts those that are open. */
  refuse(): void;
  /** Accepts connections again, at the same address. */
  accept(): Promise<void>;
}

/** A connection through a proxy: `near` is the client's side, `far` the target's. */
export interface Link {
  near: Socket;
  far: Socket;
  /** Closes both sides after sending what was written to them. */
  cut(): void;
}

export interface ProxyOptions {
  /** The port to listen on; a free one by default. */
  port?: number;
  /** Connects the two sides; by default, passes all data on at once. */
  join?: (link: Link) => void;
}

/**
 * Starts a proxy in front of a URL's server, and stops it when the test file ends. If one side of a connection closes,
 * the proxy closes the other.
 *
 * @param target a URL object may change, as when a server restarts at another port; later connections go there
 */
export async function startProxy(
  target: string | URL,
  { port = 0, join = ({ near, far }) => void near.pipe(far).pipe(near) }: ProxyOptions = {},
): Promise<TcpProxy> {
  const server = typeof target === "string" ? new URL(target) : target;
  const { href, host } = server;
  const links = new Set<Link>();
  const listener = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: Number(server.port), host: server.hostname, noDelay: true });
    const cut = () => {
      near.destroySoon();
      far.destroySoon();
    };
    const link = { near, far, cut };
    links.add(link);
    for (const socket of [near, far]) socket.on("error", () => {}).on("close", cut);
    near.on("close", () => links.delete(link));
    join(link);
  });
  await once(listener.listen(port, "127.0.0.1"), "listening");
  const own = (listener.address() as AddressInfo).port;
  const refuse = () => {
    listener.close();
    for (const link of links) link.cut();
  };
  const accept = async () => void (await once(listener.listen(own, "127.0.0.1"), "listening"));
  atEnd(refuse);
  const url = typeof target === "string" ? target : href;
  return { url: url.replace(host, `127.0.0.1:${own}`), links, refuse, accept };
}

/** A proxy that breaks an exchange at a chosen point. */
export interface Saboteur extends TcpProxy {
  /** Breaks the next connection on which a text is sent, after forwarding everything before the text. */
  breakRequest(text: string): void;
  /**
   * Breaks the next connection on which a text is sent, once the target's response is complete.
   *
   * @param share the fraction of the response that is forwarded first, 0 to 1
   * @returns the whole response, one character per byte
   */
  breakAnswer(text: string, share: number): Promise<string>;
}

type Plan = { text: string } & (
  | { side: "request" }
  | { side: "answer"; share: number; tell: (answer: string) => void }
);

/** @param protocol the target's protocol, whose exchanges follow one another on a connection */
export async function startSaboteur(target: string, protocol: keyof typeof IS_WHOLE): Promise<Saboteur> {
  const isWhole = IS_WHOLE[protocol];
  let plan: Plan | undefined;
  const join = ({ near, far, cut }: Link) => {
    let request = "";
    let answer = "";
    near.on("data", (data) => {
      const before = request.length;
      request += data.toString("latin1");
      const at = plan?.side === "request" ? request.indexOf(plan.text) : -1;
      if (at < 0) return void far.write(data);
      plan = undefined;
      far.write(data.subarray(0, Math.max(0, at - before)));
      cut();
    });
    far.on("data", (data) => {
      answer += data.toString("latin1");
      const whole = isWhole(answer);
      if (plan?.side === "answer" && request.includes(plan.text)) {
        if (!whole) return;
        const { share, tell } = plan;
        plan = undefined;
        near.write(answer.slice(0, answer.length * share), "latin1");
        tell(answer);
        cut();
      } else near.write(data);
      if (whole) request = answer = "";
    });
  };
  const proxy = await startProxy(target, { join });
  return {
    ...proxy,
    breakRequest(text) {
      plan = { side: "request", text };
    },
    breakAnswer: (text, share) =>
      new Promise((tell) => {
        plan = { side: "answer", text, share, tell };
      }),
  };
}

const IS_WHOLE = {
  /** ReadyForQuery outside a transaction: https://www.postgresql.org/docs/current/protocol-message-formats.html */
  postgres: (answer: string) => answer.endsWith("Z\0\0\0\x05I"),
  http(answer: string) {
    const [head = "", body] = answer.split(/\r\n\r\n(.*)/s);
    const [, length] = head.match(/^content-length: (\d+)$/im) ?? [];
    return length === undefined ? answer.endsWith("\r\n0\r\n\r\n") : body?.length === Number(length);
  },
};
