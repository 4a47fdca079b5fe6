/** The port of the metrics, which is never that of the API. Loaded only where METRICS_PORT is set. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { StartupError } from "../startup-error.ts";

export interface MetricsPort {
  host: string;
  /** 0 for any free port. */
  port: number;
}

/** A registry, or several as one. */
export interface MetricsText {
  contentType: string;
  metrics(): Promise<string>;
}

export interface MetricsServer {
  url: string;
  close(): void;
}

/** Prometheus gives up after ten seconds by default. */
const TIMEOUT_MS = 10_000;

/** @throws StartupError if the port cannot be used */
export async function serveMetrics(at: MetricsPort, metrics: MetricsText): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: TIMEOUT_MS }, (request, response) => {
    answer(metrics, request, response).catch(() => response.destroy());
  });
  try {
    await once(server.listen(at.port, at.host), "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "EADDRINUSE" ? "is in use by another program" : `cannot be used (${code})`;
    const advice = "Choose another with METRICS_HOST and METRICS_PORT.";
    throw new StartupError(`Port ${at.port} of ${at.host} for metrics ${reason}. ${advice}`);
  }
  const host = at.host.includes(":") ? `[${at.host}]` : at.host;
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}/metrics`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  metrics: MetricsText,
  { url, method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url?.split("?")[0] !== "/metrics") {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("Metrics are at /metrics.\n");
  } else if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" }).end();
  } else {
    const text = await metrics.metrics();
    response.writeHead(200, { "Content-Type": metrics.contentType }).end(method === "HEAD" ? "" : text);
  }
}
