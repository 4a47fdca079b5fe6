import {
  convertIPv4BinaryToString,
  convertIPv4MappedIPv6ToIPv4,
  convertIPv6BinaryToString,
  convertIPv6ToBinary,
  distinctRemoteAddr,
  isIPv4MappedIPv6,
} from "hono/utils/ipaddr";

/**
 * The network to which the quota of an address belongs: in IPv4 the address itself, in IPv6 its /64, because one
 * subscriber has all of that. An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) counts as IPv4.
 *
 * @returns undefined if the text is not an address
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
 * The address of the client.
 *
 * @param socket the remote address of the connection
 * @param hops how many trusted proxies are in front. Each appends the address of its peer to X-Forwarded-For; entries
 *   before those are forgeable
 * @returns the address of the socket if the header has no address at that position
 */
export function clientAddress(
  { headers }: Request,
  socket: string | undefined,
  hops: number,
): string | undefined {
  if (hops === 0) return socket;
  const forwarded = headers.get("X-Forwarded-For")?.split(",").at(-hops) ?? "";
  const address = withoutPort(forwarded.trim());
  return networkOf(address) === undefined ? socket : address;
}

/** Some proxies add the port: `192.0.2.1:443`, `[2001:db8::1]:443`. */
const withoutPort = (address: string) => address.replace(/^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/, "$1$2");
