/** What the list showed at each entry of the history, so that going back shows it again at the same place. */
export interface Snapshot {
  html: string;
  title: string;
  /** How far down. */
  y: number;
}

const PREFIX = "octavo-list-";
const MAX_KEPT = 20;

/** The key of the present entry of the history, which it gets at its first use. */
export function entryKey(): string {
  const { key } = (history.state ?? {}) as { key?: string };
  if (key) return key;
  const made = newKey();
  history.replaceState({ ...history.state, key: made }, "");
  return made;
}

export const newKey = (): string => crypto.randomUUID?.() ?? `${Date.now()}${Math.random()}`;

export function keep(key: string, snapshot: Snapshot): void {
  try {
    const keys = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
    const ages = keys.map(
      (name) => [JSON.parse(sessionStorage.getItem(name) ?? "{}").at ?? 0, name] as const,
    );
    const old = ages.sort(([one], [other]) => one - other).slice(0, -MAX_KEPT);
    for (const [, name] of old) sessionStorage.removeItem(name);
    sessionStorage.setItem(PREFIX + key, JSON.stringify({ ...snapshot, at: Date.now() }));
  } catch {
    // Storage may be full or forbidden; then going back starts at the top.
  }
}

export function recall(key: string): Snapshot | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + key) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}
