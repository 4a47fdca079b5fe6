/** The stream of a response, and how it ends. */
import { expect, test } from "vitest";
import { deadlineIn, within } from "../../src/deadline.ts";
import { Problem } from "../../src/http/problem.ts";
import { monitored } from "../../src/http/stream.ts";

const TIMEOUT_MS = 20;

test("a stream reports why its source failed, even if both are late at once", async () => {
  let deadline = 0;
  const clock = {
    restart: () => {
      deadline = deadlineIn(TIMEOUT_MS);
    },
    timeLeft: () => Math.max(0, Math.floor(deadline - performance.now())),
  };
  const stalled = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull() {
        // Another stream in between takes a moment, so that the source's timer is due after the stream's.
        await new Promise((resolve) => setTimeout(resolve, 2));
        clock.restart();
        await within(clock.timeLeft(), new Promise(() => {})).catch(() => {
          throw new Problem("request_timeout", "The body did not arrive in time.");
        });
      },
    },
    { highWaterMark: 0 },
  );
  const failures: unknown[] = [];
  const body = monitored(
    stalled,
    { contentType: "application/x-ndjson", requestId: "id", clock },
    {
      onChunk: () => {},
      onFailure: (error) => {
        failures.push(error);
        return new Problem("request_timeout", "");
      },
      onEnd: () => {},
      onClientGone: () => {},
    },
  );
  const text = new Response(body).text();
  // Let both timers start, then block the event loop until both are due.
  await new Promise((resolve) => setTimeout(resolve, 5));
  const end = performance.now() + 2 * TIMEOUT_MS;
  while (performance.now() < end);
  await text;
  expect(failures).toEqual([expect.objectContaining({ code: "request_timeout" })]);
});
