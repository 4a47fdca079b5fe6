import cliProgress from "cli-progress";

/** The progress of a command, on standard error: a bar on a terminal, elsewhere a line every ten seconds. */
export interface Progress {
  /** @param total a better estimate */
  add(count: number, total?: number): void;
  /** Says how many there were, and how fast. */
  end(): void;
  /** Says nothing more. */
  abandon(): void;
}

const INTERVAL_MS = 10_000;

/** @param estimate of how many there are */
export function startProgress(things: string, estimate: number): Progress {
  let total = estimate;
  const started = performance.now();
  let done = 0;
  const rate = () => Math.round(done / ((performance.now() - started) / 1000));
  const bar = process.stderr.isTTY ? startBar(things, total) : undefined;
  const line = () => print(`${done} of about ${total} ${things}, ${rate()} per second.`);
  const timer = bar ? undefined : setInterval(line, INTERVAL_MS);
  const stop = () => {
    clearInterval(timer);
    bar?.stop();
  };
  return {
    add(count, better = total) {
      done += count;
      total = better;
      bar?.setTotal(Math.max(total, done));
      bar?.update(done, { rate: rate() });
    },
    end() {
      bar?.setTotal(done);
      stop();
      print(`${done} ${done === 1 ? things.slice(0, -1) : things}, ${rate()} per second.`);
    },
    abandon: stop,
  };
}

function startBar(things: string, total: number): cliProgress.SingleBar {
  const format = `{bar} {value} of about {total} ${things}, {rate} per second, {eta_formatted} left`;
  const bar = new cliProgress.SingleBar({ format, stream: process.stderr });
  bar.start(total, 0, { rate: 0 });
  return bar;
}

function print(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
