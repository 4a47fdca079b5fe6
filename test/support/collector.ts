/** A stand-in for a collector of OpenTelemetry: it keeps the spans that it is sent over OTLP. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { atEnd } from "./end.ts";

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  status: { code?: number };
  service: unknown;
}

export interface Collector {
  url: string;
  spans: CollectedSpan[];
  /** The headers of the requests so far. */
  requests: IncomingHttpHeaders[];
}

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number | string };
}

interface ExportRequest {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: (Omit<CollectedSpan, "attributes" | "service"> & { attributes: Attribute[] })[] }[];
  }[];
}

const valuesOf = (attributes: Attribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)] as const),
  );

/** @param hangs whether it takes requests, and never answers */
export async function startCollector({ hangs = false } = {}): Promise<Collector> {
  const collector: Collector = { url: "", spans: [], requests: [] };
  const server = createServer(async (request, response) => {
    collector.requests.push(request.headers);
    if (hangs) return;
    const body = (await request.toArray()).join("");
    if (request.method !== "POST" || request.url !== "/base/v1/traces") {
      response.writeHead(404).end();
      return;
    }
    for (const { resource, scopeSpans } of (JSON.parse(body) as ExportRequest).resourceSpans) {
      const service = valuesOf(resource.attributes)["service.name"];
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        collector.spans.push({ ...span, attributes: valuesOf(span.attributes), service });
    }
    response.setHeader("Content-Type", "application/json").end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
  return collector;
}
