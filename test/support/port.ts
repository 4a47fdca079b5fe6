import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { atEnd } from "./end.ts";

/** A free port of the loopback address. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await once(probe.listen(0, "127.0.0.1"), "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return port;
}

/** Lets a server listen on a free port until the test file ends. */
export async function listening(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(() => server.close());
  return (server.address() as AddressInfo).port;
}
