/** The entry for Node, on Node's HTTP server through @hono/node-server. Deno runs it, too. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { runServer } from "./server.ts";

const POLL_MS = 10;

const { deno } = process.versions;

await runServer({
  name: deno ? `Deno ${deno}` : `Node ${process.versions.node}`,
  // biome-ignore lint/style/noProcessEnv: only an entry reads the environment
  environment: process.env,
  oneProcessBecause: deno && "Deno ends the processes of a cluster before their responses are out",
  async listen({ host, port, respond, idleTimeout }) {
    // Requests without a body then emit no stream events. Node before 24.12 ignores the option.
    const serverOptions = { keepAliveTimeout: idleTimeout * 1000, optimizeEmptyRequests: true };
    const server = createAdaptorServer({
      fetch: (request, { incoming }) => respond(request, incoming.socket.remoteAddress),
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
        // Node counts a connection that broke off during a request as active.
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
