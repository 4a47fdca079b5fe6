/** The entry for Bun, on Bun's HTTP server. */
import { setTimeout as sleep } from "node:timers/promises";
import { runServer } from "./server.ts";

/** The part of Bun's API that this entry uses. Bun's published types would change global types of the whole program. */
declare const Bun: {
  version: string;
  serve(options: {
    hostname: string;
    port: number;
    reusePort: boolean;
    fetch(
      request: Request,
      server: { requestIP(request: Request): { address: string } | null },
    ): Response | Promise<Response>;
    idleTimeout: number;
    maxRequestBodySize: number;
  }): {
    port: number;
    pendingRequests: number;
    closeIdleConnections(): void;
    stop(closeActiveConnections?: boolean): Promise<void>;
  };
};

const POLL_MS = 10;
/** The maximum in Bun. */
const MAX_IDLE_TIMEOUT_SECONDS = 255;

await runServer({
  name: `Bun ${Bun.version}`,
  // biome-ignore lint/style/noProcessEnv: only an entry reads the environment
  environment: process.env,
  oneProcessBecause:
    process.platform === "linux" ? undefined : "Bun shares a port between processes on Linux only",
  async listen({ host, port, respond, idleTimeout, isShared }) {
    const server = Bun.serve({
      hostname: host,
      port,
      // Bun passes no connections between processes of a cluster, so each has a socket of its own.
      reusePort: isShared,
      fetch: (request, server) => respond(request, server.requestIP(request)?.address),
      // Each route has its own limit.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      idleTimeout: Math.min(idleTimeout, MAX_IDLE_TIMEOUT_SECONDS),
    });
    return {
      port: server.port,
      async close() {
        server.stop();
        // The promise of stop() also waits for connections that never send anything.
        do {
          server.closeIdleConnections();
          await sleep(POLL_MS);
        } while (server.pendingRequests > 0);
        server.stop(true);
      },
    };
  },
});
