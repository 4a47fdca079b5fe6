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
  /** Tokens are accepted. */
  token: boolean;
}

interface Props {
  desk: Desk;
  ways: Ways;
  to: string;
  /** What was wrong with the last attempt. */
  fault?: string | undefined;
}

export function SignInPage({ desk, ways, to, fault }: Props) {
  const { isOpen, provider, token } = ways;
  return (
    <div class="sign-in">
      <h1>Sign in</h1>
      {fault && !token && <p role="alert">{fault}</p>}
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
      {token && <TokenForm desk={desk} fault={fault} isOnly={!provider} />}
      {!isOpen && !token && (
        <p>
          Nobody can sign in here yet: the server needs SESSION_KEY, and AUTH_ISSUER or AUTH_SECRET. Its
          documentation describes them.
        </p>
      )}
    </div>
  );
}

function TokenForm({ desk, fault, isOnly }: Pick<Props, "desk" | "fault"> & { isOnly: boolean }) {
  return (
    <form method="post" action={`${STAFF}/sign-in`}>
      <FormToken desk={desk} />
      <Field
        name="token"
        label={isOnly ? "Your token" : "Or with a token"}
        fault={fault}
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
