/** The form of a book, for a new one and for one that is there. */
import type { PropsWithChildren } from "hono/jsx";
import { WRITABLE } from "../books/book.ts";
import { FORMAT_NAMES } from "../pages/words.ts";
import type { Faults, Member, Texts } from "./book-texts.ts";
import { showBook } from "./books-contract.ts";
import { capitalized } from "./capitalized.ts";
import type { Desk } from "./desk.ts";
import { ChoiceField, Field, TextField } from "./fields.tsx";
import { FormToken } from "./layout.tsx";

/** Labels that do not follow from the name of the member. */
const LABELS: Partial<Record<Member, string>> = { isbn: "ISBN", cover_url: "Address of the cover" };

export const labelOf = (name: Member): string => LABELS[name] ?? capitalized(name.replaceAll("_", " "));

const NEEDED: readonly Member[] = ["title", "author", "isbn", "price", "stock"];
const DETAILS = WRITABLE.filter((name) => !NEEDED.includes(name));
/** Those that {@link Details} writes out. All others have a plain field. */
const WITH_FIELDS: readonly Member[] = [
  ...(["description", "publisher", "published", "language"] as const),
  ...(["format", "pages", "cover_url", "subjects"] as const),
];

interface Props {
  desk: Desk;
  action: string;
  /** What the fields say. */
  texts: Texts;
  faults: Faults;
  /** The book that has the ISBN, if that is taken. */
  holder?: string | undefined;
  submit: string;
}

/** @param children hidden fields */
export function BookForm(props: PropsWithChildren<Props>) {
  const { desk, action, texts, faults, submit, children } = props;
  const isDetailed = DETAILS.some((name) => texts[name] || faults[name]);
  return (
    <form class="book-form" method="post" action={action} novalidate>
      <FormToken desk={desk} />
      {children}
      <FaultsSummary faults={faults} />
      <Needed {...props} />
      <details open={isDetailed}>
        <summary>More about the book</summary>
        <Details texts={texts} faults={faults} />
      </details>
      <p class="ways">
        <button type="submit" class="button">
          {submit}
        </button>
      </p>
    </form>
  );
}

/** All that is wrong, for whoever cannot see the fields at once. */
function FaultsSummary({ faults }: { faults: Faults }) {
  const names = WRITABLE.filter((name) => faults[name]);
  if (names.length === 0) return null;
  return (
    <div class="faults" role="alert">
      <p>Nothing was saved.</p>
      <ul>
        {names.map((name) => (
          <li>
            <a href={`#${name}`}>
              {labelOf(name)} {faults[name]}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What fields have of the form. */
const fieldsOf =
  ({ texts, faults }: Pick<Props, "texts" | "faults">) =>
  (name: Member) => ({
    name,
    label: labelOf(name),
    // Whoever has something to mend begins there.
    autofocus: name === WRITABLE.find((each) => faults[each]),
    value: texts[name],
    fault: faults[name],
  });

function Needed({ desk, texts, faults, holder }: Props) {
  const field = fieldsOf({ texts, faults });
  return (
    <>
      <Field {...field("title")} required maxlength={255} autocomplete="off" dir="auto" />
      <Field {...field("author")} required maxlength={255} autocomplete="off" dir="auto" />
      <Field {...field("isbn")} required autocomplete="off" inputmode="numeric" />
      {holder && (
        <p>
          <a href={`${showBook.path.replace(":id", holder)}`}>Open the book that has it</a>
        </p>
      )}
      <div class="pair">
        <Field
          {...field("price")}
          label={`Price (${desk.site.currency})`}
          required
          autocomplete="off"
          inputmode="decimal"
        />
        <Field {...field("stock")} required autocomplete="off" inputmode="numeric" />
      </div>
    </>
  );
}

function Details({ texts, faults }: Pick<Props, "texts" | "faults">) {
  const field = fieldsOf({ texts, faults });
  const formats = Object.entries(FORMAT_NAMES);
  return (
    <>
      <TextField {...field("description")} rows={6} dir="auto" />
      <Field {...field("publisher")} maxlength={255} autocomplete="off" dir="auto" />
      <div class="pair">
        <Field {...field("published")} hint="2008, 2008-09 or 2008-09-14" autocomplete="off" />
        <Field {...field("language")} hint="A tag such as en or pt-BR" autocomplete="off" maxlength={35} />
      </div>
      <div class="pair">
        <ChoiceField {...field("format")} options={[["", "Not known"], ...formats]} />
        <Field {...field("pages")} autocomplete="off" inputmode="numeric" />
      </div>
      <Field {...field("cover_url")} hint="Begins with https://" autocomplete="off" inputmode="url" />
      <TextField {...field("subjects")} hint="One in each line" rows={3} dir="auto" />
      {DETAILS.filter((name) => !WITH_FIELDS.includes(name)).map((name) => (
        <Field {...field(name)} autocomplete="off" dir="auto" />
      ))}
    </>
  );
}
