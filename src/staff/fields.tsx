/** Fields of forms. What is wrong with a field stands at it, and what was typed stays. */
import type { JSX } from "hono/jsx/jsx-runtime";

interface FieldProps extends Omit<JSX.IntrinsicElements["input"], "name" | "value"> {
  name: string;
  label: string;
  /** What was typed before, or what there is. */
  value?: string | undefined;
  /** What is wrong with the value, as the API says it: "must not be empty". */
  fault?: string | undefined;
  hint?: string | undefined;
}

export function Field({ name, label, value = "", fault, hint, ...attributes }: FieldProps) {
  const described = [hint && `${name}-hint`, fault && `${name}-fault`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        value={value}
        aria-invalid={fault ? "true" : undefined}
        aria-describedby={described || undefined}
        {...attributes}
      />
      {hint && (
        <p id={`${name}-hint`} class="hint">
          {hint}
        </p>
      )}
      {fault && <Fault name={name} fault={fault} />}
    </div>
  );
}

/** What is wrong with a field, where a screen reader finds it. */
export const Fault = ({ name, fault }: { name: string; fault: string }) => (
  <p id={`${name}-fault`} class="fault">
    {`${fault.charAt(0).toUpperCase()}${fault.slice(1)}`}
  </p>
);
