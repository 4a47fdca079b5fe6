/** Clients that misbehave. Nobody else may notice. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../support/servers.ts";
import type { Fault } from "./fault.ts";
import type { Server } from "./servers.ts";

/** Connections of each kind of misbehaviour, to each server. */
const MANY = 100;

/** A way to use a connection. */
type Behaviour = (socket: Socket, server: Server, at: number) => void;

/** Connections to each server that behave so, and are replaced when they close. */
const behaving = (name: string, behave: Behaviour, count = MANY): Fault => ({
  name,
  of: "client",
  async begin({ servers }) {
    let isOver = false;
    const sockets = new Set<Socket>();
    const keep = async (server: Server, at: number) => {
      while (!isOver) {
        const socket = open(server);
        sockets.add(socket);
        behave(socket, server, at);
        await new Promise((closed) => socket.once("close", closed));
        sockets.delete(socket);
        await sleep(20);
      }
    };
    const kept = facing(servers).flatMap((server) =>
      Array.from({ length: count }, (_, at) => keep(server, at)),
    );
    return async () => {
      isOver = true;
      for (const socket of sockets) socket.destroy();
      await Promise.all(kept);
    };
  },
});

/** Those that face clients. In front of a Worker, there is Cloudflare's network, which nothing here stands for. */
const facing = (servers: readonly Server[]) => servers.filter(({ runtime }) => runtime !== "workerd");

function open({ url }: Server): Socket {
  const { hostname, port } = new URL(url);
  return connect({ port: Number(port), host: hostname }).on("error", () => {});
}

const head = (method: string, path: string, headers = "") =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`;

/** A byte of a body that never ends, now and then. */
const slowBody: Behaviour = (socket) => {
  socket.write(head("POST", "/api/v1/tasks", "Content-Type: application/json\r\nContent-Length: 100000\r\n"));
  const drip = setInterval(() => socket.write(" "), 100);
  socket.resume().on("close", () => clearInterval(drip));
};

/** Asks for much, and reads nothing. */
const slowReader: Behaviour = (socket) => {
  socket.pause();
  const request = head("GET", "/api/v1/books?limit=100");
  socket.write(request.repeat(20));
  setTimeout(() => socket.destroy(), 5000);
};

/** Says that nothing more comes, in the middle of a request or behind it. */
const halfClosed: Behaviour = (socket, _, at) => {
  const request = head("GET", "/api/v1/books");
  socket.resume().end(at % 2 === 0 ? request : request.slice(0, 30));
};

/** Headers without end, small or large. */
const headerFlood: Behaviour = (socket, _, at) => {
  socket.write(head("GET", "/api/v1/books").slice(0, -2));
  const flood = setInterval(
    () => socket.write(`X-${Math.random()}: ${"x".repeat(at % 2 ? 10 : 8000)}\r\n`),
    5,
  );
  socket.resume().on("close", () => clearInterval(flood));
};

/** Leaves at any stage: before the request is whole, while it runs, or while the response arrives. */
const aborting: Behaviour = (socket, _, at) => {
  const requests = [
    head("GET", "/api/v1/books?search=of%20tides").slice(0, 20),
    head("GET", `/api/v1/books?search=tides&min_price=${at}`),
    head("GET", `/api/v1/books?count=exact&min_price=${Math.random().toFixed(2)}`),
    head("GET", `/api/v1/changes?limit=5000`),
    `${head("POST", "/api/v1/tasks", "Content-Type: application/json\r\nContent-Length: 50\r\n")}{"tit`,
  ];
  socket.on("connect", () => {
    socket.write(requests[at % requests.length] ?? "");
    setTimeout(() => (at % 2 ? socket.destroy() : socket.resetAndDestroy()), (at * 7) % 60);
  });
};

const IDLE = 10_000;
/** Descriptors that this process, or a server, needs beside those connections. */
const OTHER_DESCRIPTORS = 1000;

/** Connections that send nothing, to one server: this process needs a descriptor for each, too. */
const idle = (target: Runtime): Fault => ({
  name: `${IDLE} idle connections to ${target}`,
  of: "client",
  unable({ servers }) {
    if (!servers.some(({ runtime }) => runtime === target)) return `${target} does not run`;
    const limit = Number(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }));
    return limit < IDLE + OTHER_DESCRIPTORS ? `ulimit -n is ${limit}` : undefined;
  },
  async begin({ servers }) {
    const sockets = new Set<Socket>();
    for (const server of servers) if (server.runtime === target) await openMany(server, IDLE, sockets);
    return async () => {
      for (const socket of sockets) socket.destroy();
      await sleep(500);
    };
  },
});

async function openMany(server: Server, count: number, sockets: Set<Socket>): Promise<void> {
  const AT_ONCE = 200;
  for (let opened = 0; opened < count; opened += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, () => open(server));
    await Promise.all(batch.map((socket) => once(socket, "connect")));
    for (const socket of batch) sockets.add(socket);
  }
}

export const CLIENT_FAULTS: Fault[] = [
  behaving("bodies are slow", slowBody),
  behaving("readers are slow", slowReader, 30),
  behaving("sockets are half-closed", halfClosed, 20),
  behaving("headers have no end", headerFlood, 20),
  behaving("requests are aborted", aborting, 20),
  idle("node"),
  idle("bun"),
];
