/** The context of a trace in the headers of a request (https://www.w3.org/TR/trace-context/). */

export interface TraceContext {
  traceId: string;
  /** The span of the caller. */
  spanId: string;
  isSampled: boolean;
}

const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
const SAMPLED = 1;

/** Parses `traceparent`. A later version may have more fields after those of the first. */
export function parseTraceParent(header: string | null): TraceContext | undefined {
  if (header === null) return undefined;
  const [, version = "ff", traceId = "", spanId = "", flags = "", rest] = header.match(FORM) ?? [];
  const isInvalid = version === "ff" || (version === "00" && rest !== undefined);
  if (isInvalid || ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

/** Formats `traceparent`, for requests to others. */
export const traceParent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
