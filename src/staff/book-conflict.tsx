/** A book that somebody else has changed while it was edited: each change side by side, and a choice. */
import { labelOf } from "./book-form.tsx";
import { pathOfBook } from "./book-pages.tsx";
import type { Member, Texts } from "./book-texts.ts";
import type { Desk } from "./desk.ts";
import { FormToken } from "./layout.tsx";

export interface Conflict {
  /** What the fields said when the editing began. */
  was: Texts;
  /** What they would say now. */
  now: Record<Member, string>;
  /** What was typed into those that were changed. */
  typed: Texts;
}

interface Props {
  desk: Desk;
  id: string;
  title: string;
  /** The version that is there now. */
  version: string;
  conflict: Conflict;
  to: string | undefined;
}

export function ConflictPage({ desk, id, title, version, conflict, to }: Props) {
  const { was, now, typed } = conflict;
  const mine = (Object.keys(typed) as Member[]).filter((name) => typed[name] !== now[name]);
  const others = (Object.keys(now) as Member[]).filter(
    (name) => !mine.includes(name) && was[name] !== undefined && was[name] !== now[name],
  );
  return (
    <>
      <h1 class="title">
        <bdi>{title}</bdi>
      </h1>
      <p role="alert" class="fault">
        Nothing has been saved yet, because somebody has changed this book since you began. Choose what to
        keep.
      </p>
      <form class="conflict" method="post" action={pathOfBook(id)}>
        <FormToken desk={desk} />
        <input type="hidden" name="version" value={version} />
        <input type="hidden" name="was" value={JSON.stringify(now)} />
        {to && <input type="hidden" name="to" value={to} />}
        {mine.map((name) => (
          <Choice name={name} was={was[name]} now={now[name]} typed={typed[name] ?? ""} />
        ))}
        {others.length > 0 && <Others names={others} was={was} now={now} />}
        <p class="ways">
          <button type="submit" class="button">
            Save
          </button>{" "}
          <a class="button plain" href={pathOfBook(id)}>
            Discard my changes
          </a>
        </p>
      </form>
    </>
  );
}

interface ChoiceProps {
  name: Member;
  was: string | undefined;
  now: string;
  typed: string;
}

/** Where only one of the two has changed a field, that is chosen already. */
function Choice({ name, was, now, typed }: ChoiceProps) {
  return (
    <fieldset>
      <legend>{labelOf(name)}</legend>
      <div class="sides">
        <Before text={was} />
        <Side name={name} label="Now" text={now} isChosen={false} />
        <Side name={name} label="Yours" text={typed} isChosen={now === was} />
      </div>
    </fieldset>
  );
}

const Side = (props: { name: Member; label: string; text: string; isChosen: boolean }) => (
  <label class="side">
    <span>
      <input type="radio" name={props.name} value={props.text} checked={props.isChosen} required />{" "}
      {props.label}
    </span>
    <Value text={props.text} />
  </label>
);

const Value = ({ text }: { text: string }) => (
  <span class="value" dir="auto">
    {text === "" ? <i>nothing</i> : text}
  </span>
);

/** What only somebody else has changed stays so. */
const Others = ({ names, was, now }: { names: Member[]; was: Texts; now: Record<Member, string> }) => (
  <section aria-labelledby="others">
    <h2 id="others">Also changed since you began</h2>
    {names.map((name) => (
      <>
        <h3>{labelOf(name)}</h3>
        <div class="sides">
          <Before text={was[name]} />
          <div class="side">
            <span class="note">Now</span>
            <Value text={now[name]} />
          </div>
        </div>
      </>
    ))}
  </section>
);

const Before = ({ text = "" }: { text: string | undefined }) => (
  <div class="side">
    <span class="note">When you began</span>
    <Value text={text} />
  </div>
);
