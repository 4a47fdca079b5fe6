import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { atEnd } from "./end.ts";

const PROGRAM = ["redis-server", "valkey-server"].find((name) => !spawnSync(name, ["--version"]).error);

/** Why the tests with Redis cannot run on this machine; undefined if they can. */
export const NO_REDIS = PROGRAM ? undefined : "neither Redis nor Valkey is installed";

/** A Redis that a test starts, stops and configures. */
export class RedisServer {
  readonly port: number;
  readonly #password: string;
  #child: ChildProcess | undefined;
  #client: Redis | undefined;

  constructor(port: number, password: string) {
    this.port = port;
    this.#password = password;
    atEnd(() => this.stop());
  }

  get url(): string {
    return `redis://:${this.#password}@127.0.0.1:${this.port}`;
  }

  /** Starts it, with flags such as `--maxmemory 1`, and resolves when it answers. */
  async start(...flags: string[]): Promise<void> {
    const own = [
      "--port",
      `${this.port}`,
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--requirepass",
      this.#password,
    ];
    this.#child = spawn(PROGRAM ?? "", [...own, ...flags], { cwd: "/", stdio: "ignore" });
    const client = new Redis(this.url, { retryStrategy: () => 50 });
    client.on("error", () => {});
    this.#client = client;
    while ((await client.ping().catch(() => "")) !== "PONG") await sleep(50);
  }

  /** Sends a command over a connection that is open from the start. */
  command(name: string, ...args: string[]): Promise<unknown> {
    return (this.#client as Redis).call(name, ...args);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#client?.disconnect();
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}
