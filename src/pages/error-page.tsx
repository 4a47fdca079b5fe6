import type { Problem, ValidationError } from "../http/problem.ts";
import { PROBLEMS, type ProblemCode } from "../http/problems.ts";
import { Filters } from "./filters.tsx";
import { Layout } from "./layout.tsx";
import type { Site } from "./site.ts";

interface Props {
  site: Site;
  problem: Problem;
  url: URL;
  requestId: string;
}

/** What people are told instead of the sentences for programs. */
const WORDS: Partial<Record<ProblemCode, { title: string; text: string }>> = {
  not_found: {
    title: "This page does not exist",
    text: "The address may be wrong, or the book is no longer in the catalogue.",
  },
  invalid_cursor: {
    title: "This part of the list cannot be shown",
    text: "The address was changed, or it belongs to another search.",
  },
  validation_failed: { title: "This search is not possible", text: "" },
  rate_limited: { title: "Too many requests", text: "Please wait a moment, then try again." },
  database_unavailable: {
    title: "The catalogue is not available",
    text: "The shop's database does not answer. Please try again in a moment.",
  },
  service_unavailable: {
    title: "The shop is not available",
    text: "It is being set up or restarted. Please try again in a moment.",
  },
  internal_error: { title: "Something went wrong", text: "The fault is ours, and it was logged." },
};

/** These may succeed at another time, so the way on is the same address. */
const PASSING: ProblemCode[] = [
  "rate_limited",
  "database_unavailable",
  "service_unavailable",
  "internal_error",
];

export function ErrorPage({ site, problem, url, requestId }: Props) {
  const { code, details = [] } = problem;
  const { title, text } = WORDS[code] ?? { title: PROBLEMS[code].title, text: problem.message };
  const given = (name: string) => url.searchParams.get(name) ?? "";
  return (
    <Layout site={site} head={{ title, isTransient: true }} search={given("search")}>
      {code === "validation_failed" && (
        <Filters
          site={site}
          query={{ search: given("search") || undefined }}
          given={given}
          faults={details.map(({ path }) => path)}
        />
      )}
      <div class="error">
        <h1>{title}</h1>
        <div id="faults" role="alert">
          {text && <p>{text}</p>}
          {details.length > 0 && <Details details={details} />}
        </div>
        <p class="ways">
          <WayOn code={code} url={url} />
        </p>
        {problem.status >= 500 && <p class="note">Request {requestId}</p>}
      </div>
    </Layout>
  );
}

/** What is wrong, in the words of the form. */
const Details = ({ details }: { details: ValidationError[] }) => (
  <ul>
    {details.map(({ path, message }) => (
      <li>
        {LABELS[path] ?? path} {message.replace(/\w+_price/g, (name) => LABELS[name]?.toLowerCase() ?? name)}.
      </li>
    ))}
  </ul>
);

/** Parameters as the form names them. */
const LABELS: Record<string, string> = {
  search: "The search",
  author: "The author",
  min_price: "The lowest price",
  max_price: "The highest price",
  language: "The language",
  format: "The format",
  in_stock: "“In stock”",
  sort: "The order",
  publisher: "The publisher",
  published_from: "The first date of publication",
  published_to: "The last date of publication",
  subject: "The subject",
  isbn: "The ISBN",
  id: "The id",
};

function WayOn({ code, url }: Pick<Props, "url"> & { code: ProblemCode }) {
  if (PASSING.includes(code)) {
    return (
      <a class="button" href={url.pathname + url.search}>
        Try again
      </a>
    );
  }
  const first = new URL(url);
  first.searchParams.delete("cursor");
  return code === "invalid_cursor" ? (
    <a class="button" href={first.pathname + first.search}>
      Go to the start of the list
    </a>
  ) : (
    <a class="button" href="/">
      Show all books
    </a>
  );
}
