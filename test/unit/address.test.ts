/** Which address a client has: the network of its quota, and the entry of X-Forwarded-For that is trusted. */
import { expect, test } from "vitest";
import { clientAddress, networkOf } from "../../src/http/address.ts";

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:201", "192.0.2.1"],
  ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
  ["0000:0000:0000:0000:0000:ffff:c000:0201", "192.0.2.1"],
  // Not IPv4-mapped: an IPv6 socket reports IPv4 clients in the mapped form alone.
  ["::192.0.2.1", "::/64"],
  ["::ffff:0:192.0.2.1", "::/64"],
  ["::", "::/64"],
  ["::1", "::/64"],
  ["2001:db8::1", "2001:db8::/64"],
  ["2001:DB8::1", "2001:db8::/64"],
  ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::/64"],
  ["2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"],
  ["2001:db8::1:0:0:0:0", "2001:db8:0:1::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:3:4:192.0.2.1", "2001:db8:1:2::/64"],
  ["fe80::1%eth0", "fe80::/64"],
  ["fe80::2%25en0", "fe80::/64"],
])("the address %s belongs to the network %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test.each([
  ...["", " ", "unknown", "_hidden", "localhost", "db.example", "null", "-", "*"],
  ...["1", "1.2.3", "1.2.3.4.5", "1.2.3.4.", ".1.2.3.4", "1.2.3.256", "01.2.3.4", "0x7f.0.0.1", "1.2.3.4/32"],
  ...["1.2.3.4:80", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "１.2.3.4", "2130706433"],
  ...[
    ":",
    ":::",
    "::1::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::1",
  ],
  ...[
    "::1/64",
    "[::1]",
    "[::1]:80",
    "::1]",
    "::ffff:1.2.3",
    "::ffff:1.2.3.256",
    "::ffff:01.2.3.4",
    "1.2.3.4::",
  ],
  ...["fe80::1%", "2001:db8::1%eth0", "1.2.3.4%eth0"],
])("%j is not an address", (text) => {
  expect(networkOf(text)).toBeUndefined();
});

const SOCKET = "10.0.0.1";
const believed = (hops: number, forwarded?: string) => {
  const headers = forwarded === undefined ? {} : { "X-Forwarded-For": forwarded };
  return clientAddress(new Request("http://x", { headers }), SOCKET, hops);
};

test.each<[number, string | undefined, string]>([
  [0, undefined, SOCKET],
  [0, "192.0.2.1", SOCKET],
  [1, undefined, SOCKET],
  [1, "", SOCKET],
  [1, "192.0.2.1", "192.0.2.1"],
  [1, "192.0.2.9, 192.0.2.1", "192.0.2.1"],
  [1, "192.0.2.9,192.0.2.1", "192.0.2.1"],
  [1, "2001:db8::1", "2001:db8::1"],
  [1, "192.0.2.9, 192.0.2.1:4711", "192.0.2.1"],
  [1, "192.0.2.9, [2001:db8::1]:4711", "2001:db8::1"],
  [1, "[2001:db8::1]", "2001:db8::1"],
  [1, "192.0.2.9, unknown", SOCKET],
  [1, "192.0.2.9, ", SOCKET],
  [1, "192.0.2.9, [192.0.2.1", SOCKET],
  [1, "192.0.2.9, 2001:db8::1:4711:4711:4711:4711:4711:4711", SOCKET],
  [2, "192.0.2.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"],
  [2, "192.0.2.1, unknown", "192.0.2.1"],
  [2, "192.0.2.1", SOCKET],
  [10, "192.0.2.9, 192.0.2.1", SOCKET],
])("behind %i trusted proxies, X-Forwarded-For %j leads to the client %s", (hops, forwarded, address) => {
  expect(believed(hops, forwarded)).toBe(address);
});

test("a socket without an address has no client address", () => {
  expect(clientAddress(new Request("http://x"), undefined, 0)).toBeUndefined();
  expect(clientAddress(new Request("http://x"), undefined, 1)).toBeUndefined();
});
