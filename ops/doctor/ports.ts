/** The port that the server is to listen on. */
import { once } from "node:events";
import { createServer } from "node:net";
import { type Finding, fault, ok, skipped } from "./finding.ts";

const REMEDIES: Record<string, string> = {
  EADDRINUSE: "Set PORT to a free port, or end the other program; ss -ltnp names it.",
  EACCES: "Set PORT to 1024 or above, or grant the process CAP_NET_BIND_SERVICE.",
  EADDRNOTAVAIL: "Set HOST to an address of this machine, or to 0.0.0.0 for all of them.",
};
const OTHERWISE = "Set HOST to an address of this machine.";

/** How long a server that holds the port may take to answer. */
const HEALTH_MS = 1000;

/** Listens for an instant. A server of Octavo that holds the port already is as good. */
export async function examinePort(server?: { host: string; port: number }): Promise<Finding> {
  if (!server) return skipped("port", "The port was not tried, because the environment has faults.");
  const { host, port } = server;
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const code = await refusalOfPort(host, port);
  if (!code) return ok("port", port === 0 ? "The server picks a free port." : `${place} is free.`);
  if (code === "EADDRINUSE" && (await isHealthy(place))) return ok("port", `A server answers at ${place}.`);
  return fault("port", `The server cannot listen on ${place} (${code}).`, REMEDIES[code] ?? OTHERWISE);
}

async function refusalOfPort(host: string, port: number): Promise<string | undefined> {
  const probe = createServer();
  try {
    await once(probe.listen(port, host), "listening");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  } finally {
    probe.close();
  }
}

async function isHealthy(place: string): Promise<boolean> {
  const reachable = place.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
  try {
    const response = await fetch(`http://${reachable}/health`, { signal: AbortSignal.timeout(HEALTH_MS) });
    return JSON.stringify(await response.json()) === '{"status":"ok"}';
  } catch {
    return false;
  }
}
