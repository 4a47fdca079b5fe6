/** The embedded database is part of a checkout, and loaded only if it is needed. */
const loadEmbedded = () => import("../dev/cli.ts");

/** Runs `work` on the database of DATABASE_URL or, in a checkout, on the embedded one. */
export async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const url = process.env.DATABASE_URL;
  if (url) return work(url);
  const { withEmbedded } = await loadEmbedded();
  await withEmbedded(work);
}

/** Whether servers and commands can run without DATABASE_URL, on the embedded Postgres. */
export async function hasEmbedded(): Promise<boolean> {
  const { requireInstalled } = await loadEmbedded();
  try {
    requireInstalled();
    return true;
  } catch {
    return false;
  }
}
