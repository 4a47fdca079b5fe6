/** What a runtime knows about the connection of a request. */
export interface Connection {
  /** The client's address; undefined if the runtime does not know it. */
  address: string | undefined;
  /** The client's Accept-Encoding, if the runtime replaces the header. */
  acceptEncoding?: string | undefined;
  /** Keeps a Worker running until the work is done, even when its client has gone. */
  waitUntil?: (work: Promise<unknown>) => void;
}
