/** The ports that the server is to listen on: for everybody, and for metrics. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { ServerConfig } from "../../src/server-config.ts";
import { type Finding, fault, ok, skipped } from "./finding.ts";

interface Port {
  check: string;
  /** What its variables begin with. */
  prefix: string;
  host: string;
  port: number;
  /** What a server of Octavo answers there. */
  path: string;
  answer: RegExp;
}

/** How long a server that holds the port may take to answer. */
const ANSWER_MS = 1000;

export async function examinePorts(config?: ServerConfig): Promise<Finding[]> {
  if (!config) return [skipped("port", "No port was tried, because the environment has faults.")];
  const { host, port, metrics } = config;
  const health = { path: "/health", answer: /^\{"status":"ok"\}$/ };
  const ports: Port[] = [{ check: "port", prefix: "", host, port, ...health }];
  if (metrics) {
    ports.push({ check: "metrics", prefix: "METRICS_", ...metrics, path: "/metrics", answer: /^# HELP/m });
  }
  return Promise.all(ports.map(examinePort));
}

/** Listens for an instant. A server of Octavo that holds the port already is as good. */
async function examinePort(wanted: Port): Promise<Finding> {
  const { check, prefix, host, port } = wanted;
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const code = await refusalOfPort(host, port);
  if (!code) return ok(check, port === 0 ? "The server picks a free port." : `${place} is free.`);
  if (code === "EADDRINUSE" && (await isOurs(place, wanted)))
    return ok(check, `A server answers at ${place}.`);
  return fault(check, `The server cannot listen on ${place} (${code}).`, remedyOf(code, prefix));
}

function remedyOf(code: string, prefix: string): string {
  const remedies: Record<string, string> = {
    EADDRINUSE: `Set ${prefix}PORT to a free port, or end the other program; ss -ltnp names it.`,
    EACCES: `Set ${prefix}PORT to 1024 or above, or grant the process CAP_NET_BIND_SERVICE.`,
    EADDRNOTAVAIL: `Set ${prefix}HOST to an address of this machine, or to 0.0.0.0 for all of them.`,
  };
  return remedies[code] ?? `Set ${prefix}HOST to an address of this machine.`;
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

async function isOurs(place: string, { path, answer }: Port): Promise<boolean> {
  const reachable = place.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
  try {
    const response = await fetch(`http://${reachable}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.test(await response.text());
  } catch {
    return false;
  }
}
