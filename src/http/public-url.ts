import { isLoopback } from "./host.ts";

/**
 * The origin that links of the service begin with. Without PUBLIC_URL it is that of a request to loopback. A stranger may
 * send any other Host, so those get relative links: an empty text.
 */
export function baseOf(publicUrl: string | undefined, { hostname, origin }: URL): string {
  return publicUrl ?? (isLoopback(hostname) ? origin : "");
}
