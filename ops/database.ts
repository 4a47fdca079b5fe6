/** Runs `work` on the database of DATABASE_URL or, in a checkout, on the embedded one. */
export async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const url = process.env.DATABASE_URL;
  if (url) return work(url);
  const { withEmbedded } = await import("../dev/cli.ts");
  await withEmbedded(work);
}
