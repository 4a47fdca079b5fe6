/** The log of a server, on standard output. */
import type { RequestEvent } from "../http/observe.ts";
import { isLogged, type LogSettings } from "../http/observe-settings.ts";
import { version } from "../manifest.ts";
import { requestText } from "./log-text.ts";

export type LogFormat = "json" | "text";

/** The server listens. */
interface StartEvent {
  event: "start";
  level: "info";
  time: string;
  runtime: string;
  address: string;
  /** Where Prometheus reads. */
  metrics?: string;
  version: string;
}

/** The server has stopped, and no request is left. */
interface StopEvent {
  event: "stop";
  level: "info";
  time: string;
  signal: NodeJS.Signals;
  /** From the start to the stop. */
  uptime_ms: number;
}

type ServerEvent = RequestEvent | StartEvent | StopEvent;

export class ServerLog {
  readonly #settings: LogSettings;
  readonly #format: LogFormat;
  readonly #started = performance.now();
  #lines = "";

  constructor(settings: LogSettings & { logFormat: LogFormat | undefined }) {
    this.#settings = settings;
    this.#format = settings.logFormat ?? (process.stdout.isTTY ? "text" : "json");
  }

  /** Writes lines together, because each write is a system call. */
  readonly write = (event: ServerEvent): void => {
    if (!isLogged(event.level, this.#settings)) return;
    const text = this.#format === "json" ? JSON.stringify(event) : textOf(event);
    if (text === undefined) return;
    if (this.#lines === "") setImmediate(() => this.#flush());
    this.#lines += `${text}\n`;
  };

  started(server: Pick<StartEvent, "runtime" | "address" | "metrics">): void {
    this.write({ event: "start", ...now(), ...server, version });
  }

  /** The last event; it is written at once. */
  stopped(signal: NodeJS.Signals): void {
    const uptime = Math.round(performance.now() - this.#started);
    this.write({ event: "stop", ...now(), signal, uptime_ms: uptime });
    this.#flush();
  }

  #flush(): void {
    process.stdout.write(this.#lines);
    this.#lines = "";
  }
}

const now = () => ({ level: "info", time: new Date().toISOString() }) as const;

function textOf(event: ServerEvent): string | undefined {
  if (event.event === "request") return requestText(event);
  // Standard error has said so already.
  if (event.event === "start") return undefined;
  return `Octavo stopped after ${event.signal}.`;
}
