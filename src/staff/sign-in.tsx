/** The page at which staff sign in. */
import { STAFF } from "../http/auth/session.ts";
import type { Desk } from "./desk.ts";
import { Field } from "./fields.tsx";
import { FormToken } from "./layout.tsx";

/** The ways in which people can sign in. */
export interface Ways {
  /** Everybody on this machine may do everything. */
  isOpen: boolean;
  /** The host of the identity provider; undefined if nobody can sign in there. */
  provider: string | undefined;
  /** Which tokens are accepted; undefined if none are. */
  token: "hs256" | "jwks" | undefined;
}

interface Props {
  desk: Desk;
  ways: Ways;
  to: string;
  faults: SignInFaults;
}

/** What was wrong with the last attempt. */
export interface SignInFaults {
  /** With the token that was pasted. */
  token?: string;
  /** With anything that has no field. */
  attempt?: string;
}

export function SignInPage({ desk, ways, to, faults }: Props) {
  const { isOpen, provider, token } = ways;
  return (
    <div class="sign-in">
      <h1>Sign in</h1>
      {faults.attempt && (
        <p role="alert" class="fault">
          {faults.attempt}
        </p>
      )}
      {isOpen && (
        <form method="post" action={`${STAFF}/sign-in`}>
          <FormToken desk={desk} />
          <p>This server is for development: everybody on this machine may do everything.</p>
          <button type="submit" class="button">
            Sign in
          </button>
        </form>
      )}
      {provider && (
        <p>
          <a class="button" href={`${STAFF}/sign-in/provider?${new URLSearchParams({ to })}`}>
            Sign in with {provider}
          </a>
        </p>
      )}
      {token && <TokenForm desk={desk} fault={faults.token} kind={token} isOnly={!provider} />}
      {!isOpen && !token && (
        <p>
          Nobody can sign in here yet: the server needs SESSION_KEY, and AUTH_ISSUER or AUTH_SECRET. Its
          documentation describes them.
        </p>
      )}
    </div>
  );
}

interface TokenFormProps extends Pick<Props, "desk"> {
  fault: string | undefined;
  kind: "hs256" | "jwks";
  isOnly: boolean;
}

function TokenForm({ desk, fault, kind, isOnly }: TokenFormProps) {
  const hint =
    kind === "hs256" ? "Whoever runs the server makes one: npm run token -- --role clerk" : undefined;
  return (
    <form method="post" action={`${STAFF}/sign-in`}>
      <FormToken desk={desk} />
      <Field
        name="token"
        label={isOnly ? "Your token" : "Or with a token"}
        fault={fault}
        hint={hint}
        type="password"
        required
        autocomplete="off"
        spellcheck={false}
        autofocus={isOnly}
      />
      <button type="submit" class={isOnly ? "button" : "button plain"}>
        Sign in
      </button>
    </form>
  );
}
