/** What narrows the catalogue down. The fields belong to the form of the search box. */
import type { BookQuery } from "../books/listing.ts";
import type { Site } from "./site.ts";
import { FORMAT_NAMES } from "./words.ts";

const ORDERS: Record<string, string> = {
  "-created_at": "Newest first",
  title: "Title",
  author: "Author",
  price: "Lowest price",
  "-price": "Highest price",
  "-published": "Latest publication",
};

/** Orders that only an address can ask for. */
const OTHER_ORDERS: Record<string, string> = {
  created_at: "Oldest first",
  "-title": "Title, from Z",
  "-author": "Author, from Z",
  published: "Earliest publication",
};

/** What the fields say: the parameters as they were given. */
type Given = (name: string) => string;

interface Props {
  site: Site;
  query: Partial<BookQuery>;
  given: Given;
  /** The names of fields that are wrong. */
  faults?: string[];
}

export function Filters({ site, query, given, faults = [] }: Props) {
  const isDetailed = ["author", "min_price", "max_price"].some((name) => given(name) !== "");
  const isSoldOut = query.in_stock === false;
  const field = (name: string) => ({
    name,
    form: "search",
    value: given(name),
    ...(faults.includes(name) && { "aria-invalid": "true", "aria-describedby": "faults" }),
  });
  return (
    <fieldset class="filters">
      <legend class="hidden">Order and filters</legend>
      <Choice
        name="sort"
        label="Order"
        value={given("sort")}
        options={[
          ["", query.search ? "Best match first" : "Newest first"],
          ...ordersFor(query, given("sort")),
        ]}
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
        <input
          type="checkbox"
          name="in_stock"
          value={isSoldOut ? "false" : "true"}
          form="search"
          checked={query.in_stock !== undefined}
        />{" "}
        {isSoldOut ? "Out of stock" : "In stock"}
      </label>
      <details open={isDetailed}>
        <summary class="pill">Author and price</summary>
        <div class="fields">
          <label>
            Author <input {...field("author")} maxlength={200} autocomplete="off" />
          </label>
          <PriceField label="Lowest price" {...field("min_price")} />
          <PriceField label="Highest price" {...field("max_price")} />
          <button type="submit" form="search" class="button plain">
            Apply
          </button>
        </div>
      </details>
      <Others given={given} />
    </fieldset>
  );
}

function ordersFor({ search }: Partial<BookQuery>, chosen: string): [string, string][] {
  const orders = Object.entries(ORDERS).filter(([order]) => search || order !== "-created_at");
  const other = Object.entries(OTHER_ORDERS).filter(([order]) => order === chosen);
  return [...orders, ...other];
}

function languagesFor({ writer }: Site, chosen: string | undefined): [string, string][] {
  if (!chosen || writer.choices.some(([tag]) => tag === chosen)) return writer.choices;
  return [...writer.choices, [chosen, writer.language(chosen) ?? chosen]];
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

/** Browsers complain of a number that is none. */
function PriceField({
  label,
  value,
  ...field
}: {
  label: string;
  value: string;
  name: string;
  form: string;
}) {
  const number = Number.isFinite(Number(value)) ? value : "";
  return (
    <label>
      {label} <input type="number" {...field} value={number} min="0" step="0.01" />
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

function Others({ given }: { given: Given }) {
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
