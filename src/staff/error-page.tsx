import { STAFF } from "../http/auth/session.ts";
import type { Problem } from "../http/problem.ts";
import { PROBLEMS, type ProblemCode } from "../http/problems.ts";

interface Props {
  problem: Problem;
  /** Where to try again; undefined for a form, which a link cannot send. */
  again: string | undefined;
  requestId: string;
}

/** What staff are told instead of the sentences for programs. */
const WORDS: Partial<Record<ProblemCode, { title: string; text: string }>> = {
  unauthorized: {
    title: "You are signed out",
    text: "Nothing was saved. Sign in in another tab; then go back here, load the page again and repeat it.",
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
  rate_limited: { title: "Too many requests", text: "Please wait a moment, then try again." },
  database_unavailable: {
    title: "The database does not answer",
    text: "It is not certain whether the change was saved. Try again: what was saved is not saved twice.",
  },
  service_unavailable: {
    title: "The service is not available",
    text: "It is being set up or restarted. Please try again in a moment.",
  },
  internal_error: { title: "Something went wrong", text: "The fault is ours, and it was logged." },
};

export function StaffError({ problem, again, requestId }: Props) {
  const { code, details = [] } = problem;
  const isForm = again === undefined && code !== "unauthorized" && code !== "not_found";
  const { title, text } = WORDS[code] ?? { title: PROBLEMS[code].title, text: problem.message };
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
        {isForm && (
          <p>
            Your entries are kept: go back in the browser to change them, or reload this page to send them
            again.
          </p>
        )}
      </div>
      <p class="ways">
        {code === "unauthorized" ? (
          <a class="button" href={`${STAFF}/sign-in`} target="_blank" rel="noopener">
            Sign in
          </a>
        ) : (
          <a class="button" href={code === "not_found" ? STAFF : (again ?? STAFF)}>
            {isForm ? "Leave this form" : "Go on"}
          </a>
        )}
      </p>
      {problem.status >= 500 && <p class="note">Request {requestId}</p>}
    </div>
  );
}
