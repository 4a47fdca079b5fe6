/** The entry for Node: its HTTP server by @hono/node-server. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { runServer } from "./server.ts";

const POLL_MS = 10;

await runServer({
  name: `Node ${process.versions.node}`,
  // biome-ignore lint/style/noProcessEnv: an entry is where the environment comes in
  environment: process.env,
  async listen({ host, port, answer, idleTimeout }) {
    // Requests without a body need none of a stream's events; Node before 24.12 passes over the option.
    const serverOptions = { keepAliveTimeout: idleTimeout * 1000, optimizeEmptyRequests: true };
    const server = createAdaptorServer({
      fetch: (request, { incoming }) => answer(request, incoming.socket.remoteAddress),
      serverOptions,
    }) as Server;
    let pending = 0;
    server.on("request", (_, response) => {
      pending++;
      response.once("close", () => pending--);
    });
    await once(server.listen(port, host), "listening");
    return {
      port: (server.address() as AddressInfo).port,
      async close() {
        const closed = once(server, "close");
        server.close();
        // A connection that broke off in the middle of a request counts for Node as active, but not for us.
        const poll = setInterval(() => {
          if (pending === 0) server.closeAllConnections();
          else server.closeIdleConnections();
        }, POLL_MS);
        await closed;
        clearInterval(poll);
      },
    };
  },
});
