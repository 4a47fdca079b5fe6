/** The reason why a program cannot run, as a complete sentence for the person at the terminal. */
export class StartupError extends Error {
  override name = "StartupError";
}
