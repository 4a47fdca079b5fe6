import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Connections } from "./neon/connections.ts";
import { errorReply, type Reply } from "./neon/reply.ts";
import { gatekeeper, parsePayload, readBody, requireSqlRequest, transactionOf } from "./neon/request.ts";
import { formatOf } from "./neon/result.ts";

// Follows Neon's proxy, including its error messages:
// https://github.com/neondatabase/neon/blob/main/proxy/src/serverless/sql_over_http.rs

const HOST = "127.0.0.1";

/** A running endpoint. */
export interface NeonEndpoint {
  /** The value for `neonConfig.fetchEndpoint`. */
  readonly url: string;
  /** Cancels running queries and resolves when all connections are closed. */
  close(): Promise<void>;
}

/**
 * Serves an ordinary Postgres over Neon's HTTP protocol, for the unmodified driver `@neondatabase/serverless`. Listens only
 * on loopback, and accepts only the user and password in `postgres`. Web pages cannot use it.
 *
 * @param options.postgres connection string of the server; requests may name any of its databases
 * @param options.port the port to listen on; any free port by default
 * @param options.maxConnections the maximum number of connections to Postgres; 20 by default. Further queries wait
 * @throws the system's error if it cannot listen
 */
export async function startNeonEndpoint(options: {
  postgres: string;
  port?: number;
  maxConnections?: number;
}): Promise<NeonEndpoint> {
  const postgres = new URL(options.postgres);
  const databaseOf = gatekeeper(postgres);
  const connections = new Connections(postgres, options.maxConnections ?? 20);

  async function reply(request: IncomingMessage, gone: AbortSignal): Promise<Reply> {
    try {
      requireSqlRequest(request);
      const database = databaseOf(request.headers);
      const format = formatOf(request.headers);
      const { begin, headers } = transactionOf(request.headers);
      const payload = parsePayload(await readBody(request));
      if (!("queries" in payload)) {
        const body = await connections.use(database, gone, (session) => session.run(payload, format));
        return { status: 200, body };
      }
      const { queries } = payload;
      const body = await connections.use(database, gone, (session) => session.runAll(queries, begin, format));
      return { status: 200, headers, body };
    } catch (error) {
      return errorReply(error);
    }
  }

  const server = createServer(async (request, response) => {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    send(response, await reply(request, gone.signal));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(options.port ?? 0, HOST);
  await once(server, "listening");

  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/sql`,
    async close() {
      server.close();
      server.closeAllConnections();
      await connections.close();
    },
  };
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  const json = JSON.stringify(body);
  const length = Buffer.byteLength(json);
  response
    .writeHead(status, { "content-type": "application/json", "content-length": length, ...headers })
    .end(json);
}
