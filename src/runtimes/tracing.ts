/** Sends the spans of a server to a collector. Loaded only where one is configured. */
import { type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { setGlobalErrorHandler, TraceState } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace";
import type { TracingSettings } from "../http/observe-settings.ts";
import type { Span, Tracing } from "../http/tracing.ts";
import { name, version } from "../manifest.ts";

export interface ServerTracing extends Tracing {
  /** Sends what is left, if the collector takes it. */
  end(): Promise<void>;
}

/** How often a collector that fails is reported. */
const REPORT_MS = 60_000;
/** A busy server ends thousands of requests between two exports. Spans beyond these are dropped. */
const MAX_QUEUED = 16_384;
const MAX_BATCH = 2048;
const DELAY_MS = 1000;

const KINDS: Record<Span["kind"], SpanKind> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
};

const FAILED = { code: SpanStatusCode.ERROR };
const UNSET = { code: SpanStatusCode.UNSET };
const NOTHING: never[] = [];

/** @param warn is told why spans are lost */
export function startTracing(settings: TracingSettings, warn: (sentence: string) => void): ServerTracing {
  const { ratio, url, headers, serviceName } = settings;
  reportErrors(warn);
  const processor = new BatchSpanProcessor({
    exporter: new OTLPTraceExporter({ url, headers }),
    maxQueueSize: MAX_QUEUED,
    maxExportBatchSize: MAX_BATCH,
    scheduledDelayMillis: DELAY_MS,
  });
  const resource = resourceFromAttributes({
    "service.name": serviceName,
    "service.version": version,
  });
  return {
    ratio,
    export(spans) {
      for (const span of spans) processor.onEnd(new ExportedSpan(span, resource));
    },
    end: () => processor.shutdown().catch(() => {}),
  };
}

const scope = { name, version };

/**
 * A span of ours as the library exports it. The library's own tracer would take longer than a small request. Most members
 * are computed when the span is exported, because a busy server drops spans.
 */
class ExportedSpan implements ReadableSpan {
  readonly #span: Span;
  readonly resource: ReadableSpan["resource"];
  readonly parentSpanContext?: SpanContext;
  readonly ended = true;
  readonly instrumentationScope = scope;
  readonly links: never[] = NOTHING;
  readonly events: never[] = NOTHING;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;

  constructor(span: Span, resource: ReadableSpan["resource"]) {
    this.#span = span;
    this.resource = resource;
    const { traceId, parentId } = span;
    if (parentId) this.parentSpanContext = { traceId, spanId: parentId, traceFlags: TraceFlags.SAMPLED };
  }

  get name() {
    return this.#span.name;
  }
  get kind() {
    return KINDS[this.#span.kind];
  }
  get attributes() {
    return this.#span.attributes;
  }
  get startTime() {
    return hrTime(this.#span.start);
  }
  get endTime() {
    return hrTime(this.#span.end);
  }
  get duration() {
    return hrTime(this.#span.end - this.#span.start);
  }
  get status() {
    return this.#span.hasFailed ? FAILED : UNSET;
  }
  spanContext() {
    const { traceId, spanId, state } = this.#span;
    const traceFlags = TraceFlags.SAMPLED;
    return { traceId, spanId, traceFlags, ...(state && { traceState: new TraceState(state) }) };
  }
}

/** Seconds and nanoseconds. */
function hrTime(milliseconds: number): [number, number] {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1_000_000)];
}

/** The library reports every batch that fails. */
function reportErrors(warn: (sentence: string) => void): void {
  let silentUntil = 0;
  setGlobalErrorHandler((error) => {
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + REPORT_MS;
    const reason = error instanceof Error ? error.message : "an unknown error";
    warn(`Traces are lost: the collector cannot be reached, or does not take them (${reason}).`);
  });
}
