/** The claims of access tokens as identity providers document them, for the configurations in docs/auth.md. */
import type { JWTPayload } from "jose";

export interface ProviderSample {
  /** Its first cell in the table of docs/auth.md. */
  name: string;
  /** The algorithms of its keys. */
  algorithms: readonly string[];
  /** Whether its keys name their algorithm. */
  hasAlg: boolean;
  /** The role that the claims give. */
  role: "clerk" | "editor";
  claims: JWTPayload;
  /** Claims that replace others, so that the token gives no role. */
  without: JWTPayload;
  /** Claims that replace others, so that the token is for another service. */
  elsewhere: JWTPayload;
}

const now = Math.floor(Date.now() / 1000);
const times = { iat: now - 10, exp: now + 3600 };
const KEYCLOAK_ALGORITHMS = ["RS256", "PS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** https://www.keycloak.org/docs/latest/server_admin/#_audience */
const keycloak: JWTPayload = {
  ...times,
  jti: "onrtac:5d3e9d0c-77f5-4dd2-b1a0-3b1c6b8a9a41",
  aud: ["octavo", "account"],
  sub: "36fa0f91-f94d-4a0c-afed-6b7d952e47da",
  typ: "Bearer",
  azp: "shop-front",
  sid: "2a88c258-f73a-4103-b862-e1fbd8f4e04e",
  acr: "1",
  "allowed-origins": ["https://shop.example"],
  realm_access: { roles: ["default-roles-shop", "offline_access", "shop-staff"] },
  resource_access: { octavo: { roles: ["editor"] }, account: { roles: ["manage-account", "admin"] } },
  scope: "profile email",
  email_verified: true,
  preferred_username: "ada",
};

/** https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles */
const auth0: JWTPayload = {
  ...times,
  "https://shop.example/roles": ["Shop Editor"],
  sub: "auth0|5f7c8ec7c33c6c004bbafe82",
  aud: ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"],
  azp: "my_client_id",
  scope: "openid profile books:write",
  permissions: ["stock:write"],
};

/** https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference */
const entra: JWTPayload = {
  ...times,
  nbf: times.iat,
  aud: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
  aio: "AXQAi/8IAAAA",
  azp: "be9b4fb7-7777-6666-bbbb-aaaa9999cccc",
  azpacr: "0",
  name: "Ada Lovelace",
  oid: "690222be-ff1a-4d56-abd1-7e4f7d38e474",
  preferred_username: "ada@shop.example",
  rh: "I",
  roles: ["Shop.Editor"],
  scp: "openid Stock.Write",
  sub: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
  tid: "aaaabbbb-0000-cccc-1111-dddd2222eeee",
  uti: "fqiBqXLPj0eQa82S-IYFAA",
  ver: "2.0",
};

/** https://docs.github.com/en/actions/reference/security/oidc, with immutable subject claims */
const github: JWTPayload = {
  ...times,
  nbf: times.iat,
  jti: "bfc9f4d1-a2ac-4e4f-9d6b-1c8a7f3a4e2b",
  sub: "repo:shop@65/catalogue@74:environment:production",
  // The workflow chooses it.
  aud: "https://api.shop.example",
  environment: "production",
  ref: "refs/heads/main",
  sha: "2f5a1c9b",
  repository: "shop/catalogue",
  repository_owner: "shop",
  repository_id: "74",
  repository_owner_id: "65",
  repository_visibility: "private",
  run_id: "30433642",
  run_number: "10",
  run_attempt: "2",
  runner_environment: "github-hosted",
  actor: "ada",
  actor_id: "12",
  workflow: "release",
  job_workflow_ref: "shop/catalogue/.github/workflows/release.yml@refs/heads/main",
  event_name: "push",
  ref_type: "branch",
  head_ref: "",
  base_ref: "",
};

const RSA = { algorithms: ["RS256"], hasAlg: true, elsewhere: { aud: "other" } };

export const SAMPLES: readonly ProviderSample[] = [
  {
    ...RSA,
    name: "Keycloak, realm roles",
    role: "clerk",
    claims: keycloak,
    without: { realm_access: { roles: ["clerk", "admin"] } },
  },
  {
    ...RSA,
    name: "Keycloak, client roles",
    algorithms: KEYCLOAK_ALGORITHMS,
    role: "editor",
    claims: keycloak,
    without: { resource_access: { account: { roles: ["admin"] } } },
  },
  {
    ...RSA,
    name: "Auth0, roles",
    role: "editor",
    claims: auth0,
    without: { "https://shop.example/roles": ["Shop", "Editor", "admin"] },
  },
  { ...RSA, name: "Auth0, permissions", role: "clerk", claims: auth0, without: { permissions: [] } },
  {
    ...RSA,
    hasAlg: false,
    name: "Entra ID, app roles",
    role: "editor",
    claims: entra,
    without: { roles: undefined },
  },
  {
    ...RSA,
    hasAlg: false,
    name: "Entra ID, scopes",
    role: "clerk",
    claims: entra,
    without: { scp: "openid stock.write" },
  },
  {
    // https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    ...RSA,
    name: "Amazon Cognito",
    role: "editor",
    claims: {
      ...times,
      sub: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
      device_key: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
      "cognito:groups": ["shop-editors", "readers"],
      version: 2,
      client_id: "3n4b5urk1ft4fl3mg5e62d9ado",
      origin_jti: "dc8d5dbb-cd3b-4ba0-9d1d-1e1c1a2c0b6e",
      event_id: "cda1b2c3-0000-1111-2222-333344445555",
      token_use: "access",
      scope: "phone openid profile email",
      auth_time: times.iat,
      jti: "dbb3b1f0-7d1c-4a3e-8c3c-0f9a7c1d2e3f",
      username: "ada",
    },
    without: { "cognito:groups": ["readers"] },
    elsewhere: { client_id: "another" },
  },
  {
    // https://clerk.com/docs/guides/sessions/session-tokens, with a claim for the public metadata
    ...RSA,
    name: "Clerk",
    role: "editor",
    claims: {
      ...times,
      exp: now + 60,
      nbf: times.iat,
      azp: "https://shop.example",
      fva: [7, -1],
      jti: "b6d6a4a0ee0b5a4f7b4c",
      sid: "sess_2GaMqUCB3Sc1WNAkWuNzsnYVVEy",
      sts: "active",
      sub: "user_2F2u1wtUyUlxKgFkKqtJNtpJJWj",
      v: 2,
      metadata: { role: "editor" },
    },
    without: { metadata: {} },
    elsewhere: { azp: "https://evil.example" },
  },
  {
    // https://supabase.com/docs/guides/auth/jwt-fields
    ...RSA,
    name: "Supabase",
    algorithms: ["ES256"],
    role: "clerk",
    claims: {
      ...times,
      aud: "authenticated",
      sub: "123e4567-e89b-12d3-a456-426614174000",
      role: "authenticated",
      aal: "aal1",
      session_id: "123e4567-e89b-12d3-a456-426614174000",
      email: "ada@shop.example",
      phone: "",
      is_anonymous: false,
      app_metadata: { provider: "email", providers: ["email"], roles: ["clerk"] },
      user_metadata: { name: "Ada", roles: ["admin"] },
      amr: [{ method: "password", timestamp: times.iat }],
    },
    without: { app_metadata: { provider: "email", providers: ["email"] } },
  },
  {
    // https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
    ...RSA,
    name: "Google",
    role: "editor",
    claims: {
      ...times,
      azp: "1234987819200.apps.googleusercontent.com",
      aud: "1234987819200.apps.googleusercontent.com",
      sub: "10769150350006150715113082367",
      at_hash: "HK6E_P6Dh8Y93mRNtsDB1Q",
      hd: "shop.example",
      email: "ada@shop.example",
      email_verified: true,
      nonce: "0394852-3190485-2490358",
    },
    without: { sub: "10769150350006150715113082368" },
  },
  {
    // https://developer.okta.com/docs/guides/customize-tokens-groups-claim/main/
    ...RSA,
    name: "Okta",
    role: "editor",
    claims: {
      ...times,
      ver: 1,
      jti: "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
      aud: "api://default",
      cid: "nmdP1fcyvdVO11AL7ECm",
      uid: "00ugk3dVRoGuQ5YYX0g4",
      scp: ["openid", "admin"],
      auth_time: times.iat,
      sub: "ada@shop.example",
      groups: ["Everyone", "Shop Editors"],
    },
    without: { groups: ["Everyone"] },
  },
  {
    ...RSA,
    name: "GitHub Actions, an environment",
    role: "editor",
    claims: github,
    // Another repository chooses the same audience, and names its environment after the right subject.
    without: {
      sub: "repo:evil@6/catalogue@7:environment:x repo:shop@65/catalogue@74:environment:production",
    },
  },
  {
    ...RSA,
    name: "GitHub Actions, a repository",
    role: "clerk",
    claims: github,
    without: { repository: "evil/catalogue", actor: "shop/catalogue", sub: "shop/catalogue" },
  },
];
