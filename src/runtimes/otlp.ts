/**
 * Spans as OTLP in JSON (https://opentelemetry.io/docs/specs/otlp/), for Workers. The libraries of OpenTelemetry would make
 * the bundle 18 KiB larger, and batch spans over requests, which Workers cannot.
 */
import type { TracingSettings } from "../http/observe-settings.ts";
import type { Span, Tracing } from "../http/tracing.ts";
import { name, version } from "../manifest.ts";

const KINDS: Record<Span["kind"], number> = { internal: 1, server: 2, client: 3 };
const SAMPLED = 1;
const ERROR = 2;

/** After this, a collector that hangs does not keep the Worker running. */
const TIMEOUT_MS = 5000;

/** @param warn is told why spans are lost */
export function otlpTracing(settings: TracingSettings, warn: (sentence: string) => void): Tracing {
  const { ratio, url, headers } = settings;
  return {
    ratio,
    export(spans, { waitUntil }) {
      const sent = fetch(url, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify(requestOf(spans, settings.serviceName)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).then(
        async (response) => {
          await response.body?.cancel();
          if (!response.ok) warn(`The collector of traces answered ${response.status}.`);
        },
        () => warn("The collector of traces cannot be reached, or did not answer in time."),
      );
      waitUntil?.(sent);
    },
  };
}

function requestOf(spans: readonly Span[], serviceName: string) {
  const resource = attributesOf({ "service.name": serviceName, "service.version": version });
  const scope = { name, version };
  return {
    resourceSpans: [
      { resource: { attributes: resource }, scopeSpans: [{ scope, spans: spans.map(otlpOf) }] },
    ],
  };
}

const otlpOf = ({
  traceId,
  spanId,
  parentId,
  state,
  name,
  kind,
  start,
  end,
  attributes,
  hasFailed,
}: Span) => ({
  traceId,
  spanId,
  parentSpanId: parentId,
  traceState: state,
  flags: SAMPLED,
  name,
  kind: KINDS[kind],
  startTimeUnixNano: nanoseconds(start),
  endTimeUnixNano: nanoseconds(end),
  attributes: attributesOf(attributes),
  status: hasFailed ? { code: ERROR } : {},
});

/** A number has no room for the nanoseconds since the epoch. */
const nanoseconds = (milliseconds: number) => `${Math.round(milliseconds * 1000)}000`;

const attributesOf = (attributes: Span["attributes"]) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: value } : { stringValue: value },
  }));
