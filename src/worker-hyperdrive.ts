/** The entry for Cloudflare Workers over Hyperdrive, for a Postgres that is not Neon's: the environment `hyperdrive` of wrangler.toml. */
import { hyperdriveDriver } from "./db/hyperdrive.ts";
import { type Env, workerOn } from "./runtimes/workers.ts";

// The runtime looks for the classes of Durable Objects among the exports.
export { QuotaWindow } from "./runtimes/quota-window.ts";

/** https://developers.cloudflare.com/hyperdrive/ */
interface Hyperdrive {
  connectionString: string;
}

const databaseUrlOf = ({ HYPERDRIVE, DATABASE_URL }: Env & { HYPERDRIVE?: Hyperdrive }) =>
  HYPERDRIVE?.connectionString ?? DATABASE_URL;

export default workerOn({
  variables: (env) => ({ ...env, DATABASE_URL: databaseUrlOf(env) }),
  openDriver: ({ deadline }, url) => hyperdriveDriver({ url, timeout: deadline }),
});
