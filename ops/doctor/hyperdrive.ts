import { runWrangler, type WranglerConfig } from "../wrangler.ts";
import { type Finding, fault, ok } from "./finding.ts";

/** The Hyperdrive configuration that the Worker is bound to, and whether it caches: its cache knows of no writes. */
export async function hyperdriveFindings({ hyperdrive = [] }: WranglerConfig): Promise<Finding[]> {
  const bound = hyperdrive.find(({ binding }) => binding === "HYPERDRIVE");
  if (!bound) return [];
  const { code, stdout } = await runWrangler(["hyperdrive", "get", bound.id]);
  if (code !== 0) {
    const sentence = `Cloudflare does not tell of the Hyperdrive configuration ${bound.id}.`;
    const create = "npx wrangler hyperdrive create octavo --connection-string=… --caching-disabled";
    return [
      fault("hyperdrive", sentence, `Log in (npx wrangler login), or create one and set its id: ${create}`),
    ];
  }
  const { caching }: { caching?: { disabled?: boolean } } = JSON.parse(stdout.slice(stdout.indexOf("{")));
  if (caching?.disabled) return [ok("hyperdrive", "Hyperdrive asks the database for every read.")];
  const sentence = "Hyperdrive answers reads from its own cache, which does not know what was written.";
  return [fault("hyperdrive", sentence, `npx wrangler hyperdrive update ${bound.id} --caching-disabled`)];
}
