import { STAFF } from "../http/auth/session.ts";
import type { Problem } from "../http/problem.ts";
import { PROBLEMS, type ProblemCode } from "../http/problems.ts";
import type { Desk } from "./desk.ts";
import { FormToken } from "./layout.tsx";

interface Props {
  desk: Desk;
  problem: Problem;
  requestId: string;
  /** Where to go on. */
  address: string;
  /** Whether a form was sent. */
  isForm: boolean;
  /** The fields of the form, if they can be sent again. */
  fields: Fields | undefined;
}

export type Fields = [name: string, value: string][];

/** These may succeed later. A form of another session succeeds with the token of this one. */
const RETRIABLE: ProblemCode[] = [
  "forbidden",
  "request_timeout",
  "idempotency_in_progress",
  "rate_limited",
  "database_unavailable",
  "service_unavailable",
  "internal_error",
];

type Words = Partial<Record<ProblemCode, { title: string; text?: string }>>;

/** What staff are told instead of the sentences for programs. */
const WORDS: Words = {
  forbidden: { title: "You cannot do this" },
  unauthorized: {
    title: "You are signed out",
    text: "Nothing was saved. Sign in in another tab, then reload this page to send your entries again.",
  },
  not_found: {
    title: "This page does not exist",
    text: "The address may be wrong, or the book was deleted.",
  },
  invalid_cursor: {
    title: "This part of the list cannot be shown",
    text: "The address was changed, or it belongs to another search.",
  },
  validation_failed: { title: "This is not possible", text: "" },
  idempotency_in_progress: {
    title: "This is being saved",
    text: "It was sent twice. Try again in a moment.",
  },
  rate_limited: { title: "Too many requests", text: "Please wait a moment, then try again." },
  database_unavailable: {
    title: "The database does not answer",
    text: "The change may or may not be saved. Try again: nothing is saved twice.",
  },
  service_unavailable: {
    title: "The service is not available",
    text: "It is being set up or restarted. Please try again in a moment.",
  },
  internal_error: { title: "Something went wrong", text: "The fault is ours, and it was logged." },
};

/** What they are told where no form was sent: nothing can have been saved. */
const WORDS_OF_READS: Words = {
  database_unavailable: { title: "The database does not answer", text: "Please try again in a moment." },
};

/** A form has fields here only if it was ours: so its token was of another session. */
const EARLIER_SESSION = {
  title: "You have signed in again",
  text: "The form is from an earlier session. Nothing was saved yet.",
};

function wordsOf({ problem: { code }, isForm, fields }: Props): Words[ProblemCode] {
  if (code === "forbidden" && fields) return EARLIER_SESSION;
  return (isForm ? undefined : WORDS_OF_READS[code]) ?? WORDS[code];
}

export function StaffError(props: Props) {
  const { code, details = [], message, status } = props.problem;
  const { title = PROBLEMS[code].title, text = message } = wordsOf(props) ?? {};
  return (
    <div class="error">
      <h1>{title}</h1>
      <div role="alert">
        {text && <p>{text}</p>}
        {details.length > 0 && (
          <ul>
            {details.map(({ path, message }) => (
              <li>
                {path} {message}.
              </li>
            ))}
          </ul>
        )}
      </div>
      <WayOn {...props} />
      {status >= 500 && <p class="note">Request {props.requestId}</p>}
    </div>
  );
}

function WayOn({ desk, problem: { code }, address, isForm, fields }: Props) {
  if (code === "unauthorized")
    return (
      <p class="ways">
        <a class="button" href={`${STAFF}/sign-in`} target="_blank" rel="noopener">
          Sign in
        </a>
      </p>
    );
  const isRetriable = RETRIABLE.includes(code);
  if (isForm && isRetriable && fields) return <SendAgain desk={desk} address={address} fields={fields} />;
  if (isForm && code !== "not_found")
    return <p>Go back in the browser to change your entries, or reload this page to send them again.</p>;
  const isClosed = code === "not_found" || code === "forbidden";
  return (
    <p class="ways">
      <a class="button" href={isClosed ? STAFF : address}>
        {isRetriable && !isClosed ? "Try again" : "Go on"}
      </a>
    </p>
  );
}

/** A form with what was typed, because a link cannot send it. */
const SendAgain = ({ desk, address, fields }: Pick<Props, "desk" | "address"> & { fields: Fields }) => (
  <form method="post" action={address}>
    <FormToken desk={desk} />
    {fields.map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
    <p>Your entries are kept.</p>
    <p class="ways">
      <button type="submit" class="button">
        Send them again
      </button>
    </p>
  </form>
);
