import {
  convertIPv4BinaryToString,
  convertIPv4MappedIPv6ToIPv4,
  convertIPv6BinaryToString,
  convertIPv6ToBinary,
  distinctRemoteAddr,
  isIPv4MappedIPv6,
} from "hono/utils/ipaddr";

/**
 * The network that an address counts for: itself in IPv4; in IPv6 its /64, as one subscriber has all of that. An IPv4
 * address mapped into IPv6 (RFC 4291, section 2.5.5.2) is the IPv4 address.
 *
 * @returns undefined for what is no address
 */
export function networkOf(address: string): string | undefined {
  if (distinctRemoteAddr(address) === "IPv4") return address;
  try {
    const bits = convertIPv6ToBinary(address);
    return isIPv4MappedIPv6(bits)
      ? convertIPv4BinaryToString(convertIPv4MappedIPv6ToIPv4(bits))
      : `${convertIPv6BinaryToString((bits >> 64n) << 64n)}/64`;
  } catch {
    return undefined;
  }
}

/**
 * The client's address, as a server knows it.
 *
 * @param socket where the connection comes from
 * @param hops how many proxies a request has passed. Each of them puts the address that it has it from behind the
 *   others in X-Forwarded-For; what stands before those is the client's own tale
 * @returns the socket's, where the header has no address in that place
 */
export function clientAddress(
  { headers }: Request,
  socket: string | undefined,
  hops: number,
): string | undefined {
  if (hops === 0) return socket;
  const told = headers.get("X-Forwarded-For")?.split(",").at(-hops) ?? "";
  const address = withoutPort(told.trim());
  return networkOf(address) === undefined ? socket : address;
}

/** Some proxies tell the port as well: `192.0.2.1:443`, `[2001:db8::1]:443`. */
const withoutPort = (told: string) => told.replace(/^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/, "$1$2");
