/** The log of a server, on standard output. */
import type { RequestEvent } from "../http/observe.ts";
import { isLogged, type LogSettings } from "../http/observe-settings.ts";
import { version } from "../manifest.ts";
import { printable, requestText } from "./log-text.ts";

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
  /** How many answer requests, if there are several. */
  processes?: number;
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

/** One of several processes has started. */
interface ProcessStartEvent {
  event: "process_start";
  level: "info";
  time: string;
  pid: number | undefined;
}

/** One of several processes has ended, and another takes its place. */
interface ProcessEndEvent {
  event: "process_end";
  level: "error";
  time: string;
  pid: number | undefined;
  code: number | null;
  signal: string | null;
}

/** The store of quotas is away, or back. */
interface StoreEvent {
  event: "rate_limit_store";
  level: "info" | "warn";
  time: string;
  up: boolean;
  /** Why it is away. */
  reason?: string;
}

type ServerEvent = RequestEvent | StartEvent | StopEvent | ProcessStartEvent | ProcessEndEvent | StoreEvent;

/** What a pipe takes at once (PIPE_BUF of Linux). Larger writes of several processes mix. */
const PIPE_BYTES = 4096;

export class ServerLog {
  readonly #settings: LogSettings;
  readonly #format: LogFormat;
  readonly #started = performance.now();
  /** Added to events where several processes write to one log. */
  readonly #pid: number | undefined;
  #lines = "";

  constructor(settings: LogSettings & { logFormat: LogFormat | undefined }, pid?: number) {
    this.#settings = settings;
    this.#pid = pid;
    this.#format = settings.logFormat ?? (process.stdout.isTTY ? "text" : "json");
  }

  /** Writes lines together, because each write is a system call. */
  readonly write = (event: ServerEvent): void => {
    if (!isLogged(event.level, this.#settings)) return;
    const text = this.#format === "json" ? JSON.stringify(this.#named(event)) : textOf(event);
    if (text === undefined) return;
    if (this.#pid && Buffer.byteLength(this.#lines) + Buffer.byteLength(text) >= PIPE_BYTES) this.flush();
    if (this.#lines === "") setImmediate(() => this.flush());
    this.#lines += `${text}\n`;
  };

  started(server: Pick<StartEvent, "runtime" | "address" | "metrics" | "processes">): void {
    this.write({ event: "start", ...now(), ...server, version });
  }

  processStarted(pid: number | undefined): void {
    this.write({ event: "process_start", ...now(), pid });
  }

  processEnded(process: Pick<ProcessEndEvent, "pid" | "code" | "signal">): void {
    this.write({ event: "process_end", ...now(), level: "error", ...process });
  }

  /** @param reason why the store is away */
  readonly quotasChanged = (up: boolean, reason?: string): void => {
    this.write({
      event: "rate_limit_store",
      ...now(),
      ...(!up && { level: "warn" }),
      up,
      ...(reason && { reason }),
    });
  };

  /** The last event; it is written at once. */
  stopped(signal: NodeJS.Signals): void {
    const uptime = Math.round(performance.now() - this.#started);
    this.write({ event: "stop", ...now(), signal, uptime_ms: uptime });
    this.flush();
  }

  #named(event: ServerEvent): ServerEvent & { pid?: number | undefined } {
    return this.#pid ? { ...event, pid: this.#pid } : event;
  }

  /** Writes what is left, as before the exit. */
  flush(): void {
    process.stdout.write(this.#lines);
    this.#lines = "";
  }
}

const now = () => ({ level: "info", time: new Date().toISOString() }) as const;

function textOf(event: ServerEvent): string | undefined {
  if (event.event === "request") return requestText(event);
  // Standard error has said so already.
  if (event.event === "start" || event.event === "process_start") return undefined;
  if (event.event === "process_end")
    return `Process ${event.pid} ended (${event.signal ?? event.code}); another takes its place.`;
  if (event.event === "rate_limit_store")
    return event.up
      ? "The store of quotas is back."
      : `The store of quotas is away (${printable(event.reason)}); quotas are counted in memory.`;
  return `Octavo stopped after ${event.signal}.`;
}
