/** `npm run doctor`: what it finds at the identity provider. */
import { createServer } from "node:http";
import { beforeAll, expect, test } from "vitest";
import { examine, goodServer, of, type Variables } from "../support/doctor.ts";
import { freePort, listening } from "../support/port.ts";
import { answering, createKey, discovery, startProvider } from "../support/provider.ts";

let variables: Variables;

beforeAll(async () => {
  ({ variables } = await goodServer());
});

const from = (AUTH_ISSUER: string) => ({
  DATABASE_URL: variables.DATABASE_URL,
  PORT: "0",
  AUTH_ISSUER,
  AUTH_AUDIENCE: "octavo",
});

test("a provider with keys and a good clock is fine", async () => {
  const provider = await startProvider();
  provider.publish((await createKey("RS256", "one")).jwk);
  const report = await examine(from(provider.issuer));
  expect(report).toMatchObject({ faults: 0, warnings: 0 });
  expect(of(report, "keys")).toMatchObject([{ status: "ok" }]);
  expect(report.checks.filter(({ check }) => check === "clock")).toHaveLength(2);
});

test("a provider that is away is a fault", async () => {
  const report = await examine(from(`http://127.0.0.1:${await freePort()}`));
  expect(of(report, "issuer")).toMatchObject([
    {
      status: "fault",
      message: expect.stringContaining("ECONNREFUSED"),
      remedy: expect.stringContaining("curl"),
    },
  ]);
});

test("a provider that calls itself by another name is a fault", async () => {
  const provider = await startProvider();
  provider.answerDiscovery = answering(200, JSON.stringify(discovery("https://id.example", provider.url)));
  expect(of(await examine(from(provider.issuer)), "issuer")).toMatchObject([{ status: "fault" }]);
});

test("a provider without a usable key is a fault", async () => {
  const provider = await startProvider();
  provider.publish({ kty: "oct", k: "c2VjcmV0", alg: "HS256" });
  expect(of(await examine(from(provider.issuer)), "keys")).toMatchObject([{ status: "fault" }]);
});

test("a clock that differs by more than tokens allow is a fault", async () => {
  const { jwk } = await createKey("ES256", "one");
  const server = createServer((request, response) => {
    const origin = `http://${request.headers.host}`;
    const body = request.url === "/keys" ? { keys: [jwk] } : discovery(origin, `${origin}/keys`);
    const Date_ = new Date(Date.now() - 90_000).toUTCString();
    response.writeHead(200, { Date: Date_ }).end(JSON.stringify(body));
  });
  const port = await listening(server);
  const clocks = of(await examine(from(`http://127.0.0.1:${port}`)), "clock");
  expect(clocks.at(-1)).toMatchObject({
    status: "fault",
    message: expect.stringMatching(/^The clock of this machine is (89|90|91) seconds ahead of/),
    remedy: expect.stringContaining("timedatectl"),
  });
});

test.each([
  ["nothing is configured", { AUTH_SECRET: "" }, "access"],
  ["every audience is accepted", { AUTH_AUDIENCE: "any" }, "audience"],
])("it is a warning that %s", async (_, changes, check) => {
  expect(of(await examine({ ...variables, ...changes }), check)).toContainEqual(
    expect.objectContaining({ status: "warning" }),
  );
});
