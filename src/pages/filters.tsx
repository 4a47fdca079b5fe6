/** What narrows the catalogue down. The fields belong to the form of the search box. */
import type { BookQuery } from "../books/listing.ts";
import type { Site } from "./site.ts";
import { FORMAT_NAMES } from "./words.ts";

/** Languages to choose from, by the number of books that are published in them. */
const LANGUAGES = ["en", "zh", "de", "es", "ja", "fr", "ru", "it", "pt", "ko", "nl", "pl", "sv", "tr", "ar"];

const ORDERS: Record<string, string> = {
  "-created_at": "Newest first",
  title: "Title",
  author: "Author",
  price: "Lowest price",
  "-price": "Highest price",
  "-published": "Latest publication",
};

/** What the fields say: the parameters as they were given. */
type Given = (name: string) => string;

export function Filters({ site, query, given }: { site: Site; query: BookQuery; given: Given }) {
  const isDetailed = ["author", "min_price", "max_price"].some((name) => given(name) !== "");
  return (
    <fieldset class="filters">
      <legend class="hidden">Order and filters</legend>
      <Choice
        name="sort"
        label="Order"
        value={given("sort")}
        options={[["", query.search ? "Best match first" : "Newest first"], ...ordersFor(query)]}
      />
      <Choice
        name="format"
        label="Format"
        value={query.format ?? ""}
        options={[["", "All formats"], ...Object.entries(FORMAT_NAMES)]}
      />
      <Choice
        name="language"
        label="Language"
        value={query.language ?? ""}
        options={[["", "All languages"], ...languagesFor(site, query.language)]}
      />
      <label class="pill">
        <input type="checkbox" name="in_stock" value="true" form="search" checked={query.in_stock === true} />{" "}
        In stock
      </label>
      <details open={isDetailed}>
        <summary class="pill">Author and price</summary>
        <div class="fields">
          <label>
            Author{" "}
            <input name="author" form="search" value={given("author")} maxlength={200} autocomplete="off" />
          </label>
          <Price name="min_price" label="Lowest price" value={given("min_price")} />
          <Price name="max_price" label="Highest price" value={given("max_price")} />
          <button type="submit" form="search" class="button plain">
            Apply
          </button>
        </div>
      </details>
      <Others query={query} given={given} />
    </fieldset>
  );
}

const ordersFor = ({ search }: BookQuery) =>
  Object.entries(ORDERS).filter(([order]) => search || order !== "-created_at");

function languagesFor({ writer }: Site, chosen: string | undefined): [string, string][] {
  const tags = !chosen || LANGUAGES.includes(chosen) ? LANGUAGES : [...LANGUAGES, chosen];
  return tags
    .map((tag): [string, string] => [tag, writer.language(tag)])
    .sort(([, a], [, b]) => (a < b ? -1 : 1));
}

interface ChoiceProps {
  name: string;
  label: string;
  value: string;
  /** Values and what they are called. */
  options: [string, string][];
}

function Choice({ name, label, value, options }: ChoiceProps) {
  return (
    <select name={name} form="search" aria-label={label} class="pill" data-chosen={value !== "" || undefined}>
      {options.map(([option, text]) => (
        <option value={option} selected={option === value}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Price({ name, label, value }: Omit<ChoiceProps, "options">) {
  return (
    <label>
      {label} <input type="number" name={name} form="search" value={value} min="0" step="0.01" />
    </label>
  );
}

/** Filters that only links set. Each is shown with a link that removes it. */
const OTHERS: Record<string, string> = {
  subject: "Subject",
  publisher: "Publisher",
  published_from: "Published from",
  published_to: "Published until",
  isbn: "ISBN",
  id: "Id",
};

function Others({ given }: { query: BookQuery; given: Given }) {
  const set = Object.entries(OTHERS).filter(([name]) => given(name) !== "");
  return (
    <>
      {set.map(([name, label]) => (
        <label class="pill">
          <input type="checkbox" name={name} value={given(name)} form="search" checked /> {label}:{" "}
          <bdi>{given(name)}</bdi>
        </label>
      ))}
    </>
  );
}
