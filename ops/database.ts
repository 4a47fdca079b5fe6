/** Runs `work` on the database of DATABASE_URL or, in a checkout, on the embedded one. */
export async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const url = process.env.DATABASE_URL;
  if (url) return work(url);
  const { withEmbedded } = await import("../dev/cli.ts");
  await withEmbedded(work);
}

/** Whether servers and commands can run without DATABASE_URL, on the embedded Postgres. */
export async function hasEmbedded(): Promise<boolean> {
  const { requireInstalled } = await import("../dev/cli.ts");
  try {
    requireInstalled();
    return true;
  } catch {
    return false;
  }
}
