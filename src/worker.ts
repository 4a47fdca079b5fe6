/** The entry for Cloudflare Workers over Neon's HTTP driver. */
import { neonDriver } from "./db/neon.ts";
import { workerOn } from "./runtimes/workers.ts";

// The runtime looks for the classes of Durable Objects among the exports.
export { QuotaWindow } from "./runtimes/quota-window.ts";

export default workerOn({
  variables: (env) => env,
  openDriver: ({ neonFetchEndpoint }, url) => neonDriver({ url, fetchEndpoint: neonFetchEndpoint }),
});
