import type { Cluster } from "./cluster.ts";
import type { Server } from "./servers.ts";

/** Where faults are caused. */
export interface World {
  cluster: Cluster;
  servers: readonly Server[];
  /** Books that are sold. */
  sold: readonly string[];
}

/** Something that breaks, for a while. */
export interface Fault {
  name: string;
  /** Who breaks: only a database's faults excuse a 503. */
  of: "database" | "client";
  /** Whether `/ready` tells of it. */
  reddens?: boolean;
  /** How long a server may take to serve again, beside the patience for a busy machine, in milliseconds. */
  recovery?: number;
  /** Why it cannot happen on this machine, or with these servers. */
  unable?(world: World): string | undefined;
  /** Begins it, and resolves to a function that ends it. */
  begin(world: World): Promise<() => Promise<void>>;
}
