/** The roles that a token's claims give, by pointer and map. */
import { describe, expect, test } from "vitest";
import { type RoleMapping, rolesOf } from "../../src/http/auth/roles.ts";

const CLAIMS = {
  sub: "repo:shop/catalogue:environment:x admin",
  roles: ["editor", "owner"],
  scope: "openid clerk  admin",
  role: "Shop Editor",
  level: 5,
  nothing: null,
  yes: true,
  mixed: ["admin", 5],
  nested: [["admin"]],
  "": ["clerk"],
  "https://shop.example/roles": ["editor"],
  "a~b": ["editor"],
  "~1": ["admin"],
  realm_access: { roles: ["clerk"], roleNames: { admin: true } },
  resource_access: { "shop.example/api": { roles: ["clerk"] } },
};

test.each<[string | undefined, string[]]>([
  [undefined, ["editor"]],
  ["/roles", ["editor"]],
  ["/realm_access/roles", ["clerk"]],
  ["/resource_access/shop.example~1api/roles", ["clerk"]],
  ["/https:~1~1shop.example~1roles", ["editor"]],
  ["/a~0b", ["editor"]],
  ["/~01", ["admin"]],
  ["/", ["clerk"]],
  ["/scope", ["clerk", "admin"]],
  ["/roles/0", ["editor"]],
])("a pointer of %s gives the roles %j", (rolesAt, roles) => {
  expect(rolesOf(CLAIMS, { rolesAt })).toEqual({ roles, lack: undefined });
});

test.each([
  ...[
    "/nowhere",
    "/nothing/roles",
    "/level/roles",
    "/realm_access/nowhere",
    "/roles/2",
    "/roles/-",
    "/roles/",
  ],
  ...["/roles/length", "/scope/length", "/scope/0", "/toString", "/__proto__", "/constructor/name", "//"],
  ...["/https://shop.example/roles", "/realm_access/roles/", "/roles/00x"],
])("a pointer of %s leads nowhere", (rolesAt) => {
  const lack = `The token has no claim at ${rolesAt}.`;
  expect(rolesOf(CLAIMS, { rolesAt })).toEqual({ roles: [], lack });
});

test.each(["/level", "/nothing", "/yes", "/mixed", "/nested", "/realm_access", "/realm_access/roleNames"])(
  "a pointer of %s leads to a value of the wrong type",
  (rolesAt) => {
    const lack = `The token's claim at ${rolesAt} is not a list of texts or a text.`;
    expect(rolesOf(CLAIMS, { rolesAt })).toEqual({ roles: [], lack });
  },
);

test("the claim `roles` must be a list unless it is configured", () => {
  expect(rolesOf({ roles: "admin" }, {})).toMatchObject({ roles: [] });
  expect(rolesOf({ roles: "admin" }, { rolesAt: "/roles" })).toMatchObject({ roles: ["admin"] });
});

test.each([["text"], [["admin"]], [null], [undefined], [5]])("claims of %j give no roles", (claims) => {
  expect(rolesOf(claims, { rolesAt: "/roles" }).roles).toEqual([]);
});

describe("a map", () => {
  const MAP: RoleMapping[] = [
    ["owner", "admin"],
    ["openid", "clerk"],
    ["openid", "editor"],
    ["Shop Editor", "editor"],
    ["admin", "admin"],
    ["repo:shop/catalogue:environment:x", "clerk"],
  ];
  const rolesAt = (pointer: string, roleMap = MAP) => rolesOf(CLAIMS, { rolesAt: pointer, roleMap }).roles;

  test("a map gives roles to its values, and to no others", () => {
    expect(rolesAt("/roles")).toEqual(["admin"]);
    expect(rolesAt("/roles", [["nobody", "admin"]])).toEqual([]);
    expect(rolesAt("/roles", [["Owner", "admin"]])).toEqual([]);
    expect(rolesAt("/realm_access/roles")).toEqual([]);
  });

  test("a value can give several roles, and several values the same role", () => {
    expect(rolesAt("/scope", MAP.slice(1, 3))).toEqual(["clerk", "editor"]);
    expect(
      rolesAt("/scope", [
        ["openid", "clerk"],
        ["admin", "clerk"],
      ]),
    ).toEqual(["clerk"]);
  });

  test("a text is one value, and a list of words where its claim is one by name", () => {
    expect(rolesAt("/role")).toEqual(["editor"]);
    expect(rolesAt("/sub")).toEqual([]);
    expect(rolesAt("/sub", [[CLAIMS.sub, "clerk"]])).toEqual(["clerk"]);
  });
});
