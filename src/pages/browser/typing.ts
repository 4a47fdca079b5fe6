/** Short enough to seem instant, and long enough that a word costs few requests. */
const PAUSE_MS = 180;

/** Calls back once nobody has typed for a moment. */
export function typingPause(callback: () => void) {
  let timer: number | undefined;
  const stop = () => window.clearTimeout(timer);
  return {
    stop,
    restart() {
      stop();
      timer = window.setTimeout(callback, PAUSE_MS);
    },
  };
}
