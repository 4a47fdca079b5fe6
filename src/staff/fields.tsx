/** Fields of forms. What is wrong with a field stands at it, and what was typed stays. */
import type { PropsWithChildren } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { capitalized } from "./capitalized.ts";

export interface FieldProps {
  name: string;
  label: string;
  /** What was typed before, or what there is. */
  value?: string | undefined;
  /** What is wrong with the value, as the API says it: "must not be empty". */
  fault?: string | undefined;
  hint?: string | undefined;
}

/** What there is of a field, by its name. */
export type FieldOf = (name: string) => Required<Pick<FieldProps, "name" | "value" | "fault">>;

/** The fields of a form that is read by GET, as the address has them. */
export const fieldIn =
  ({ searchParams }: URL): FieldOf =>
  (name) => ({ name, value: searchParams.get(name) ?? "", fault: undefined });

type Attributes<Name extends keyof JSX.IntrinsicElements> = Omit<
  JSX.IntrinsicElements[Name],
  "name" | "value" | "label"
>;

export function Field({
  name,
  label,
  value = "",
  fault,
  hint,
  ...attributes
}: FieldProps & Attributes<"input">) {
  return (
    <Labelled name={name} label={label} fault={fault} hint={hint}>
      <input {...described({ name, fault, hint })} value={value} {...attributes} />
    </Labelled>
  );
}

export function TextField({
  name,
  label,
  value = "",
  fault,
  hint,
  ...attributes
}: FieldProps & Attributes<"textarea">) {
  return (
    <Labelled name={name} label={label} fault={fault} hint={hint}>
      {/* A first line feed is no part of the text. */}
      <textarea {...described({ name, fault, hint })} {...attributes}>{`\n${value}`}</textarea>
    </Labelled>
  );
}

/** A field with a list of values, and what they are called. */
export function ChoiceField({
  name,
  label,
  value = "",
  fault,
  hint,
  options,
}: FieldProps & { options: [value: string, name: string][] }) {
  return (
    <Labelled name={name} label={label} fault={fault} hint={hint}>
      <select {...described({ name, fault, hint })}>
        {options.map(([option, text]) => (
          <option value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

function Labelled({ name, label, fault, hint, children }: PropsWithChildren<Omit<FieldProps, "value">>) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {children}
      {hint && (
        <p id={`${name}-hint`} class="hint">
          {hint}
        </p>
      )}
      {fault && <Fault name={name} fault={fault} />}
    </div>
  );
}

/** How a field says what describes it. */
function described({ name, fault, hint }: Pick<FieldProps, "name" | "fault" | "hint">) {
  const ids = [hint && `${name}-hint`, fault && `${name}-fault`].filter(Boolean).join(" ");
  return {
    id: name,
    name,
    "aria-invalid": fault ? "true" : undefined,
    "aria-describedby": ids || undefined,
  } as const;
}

/** What is wrong with a field, where a screen reader finds it. */
export const Fault = ({ name, fault }: { name: string; fault: string }) => (
  <p id={`${name}-fault`} class="fault">
    {capitalized(fault)}
  </p>
);

/** What is wrong with something that has no field. */
export const FaultList = ({ faults }: { faults: string[] }) =>
  faults.length === 0 ? null : (
    <div class="faults" role="alert">
      <ul>
        {faults.map((fault) => (
          <li>{fault}</li>
        ))}
      </ul>
    </div>
  );
