/** Schemas for members of bodies, and for query parameters, which are all strings. */
import * as z from "zod";
import type { ValidationCode } from "./problem.ts";

/**
 * Reports a fault from within a schema. It does not throw: the type is that of `z.NEVER`, so that a transform can return it.
 *
 * @param message continues a sentence that begins with the field's name: "must be …"
 */
export function fail(
  context: z.RefinementCtx,
  code: ValidationCode,
  message: string,
  path: string[] = [],
): never {
  context.addIssue({ code: "custom", params: { code }, message, path });
  return z.NEVER;
}

/** Text, normalized to NFC, trimmed, and storable. Lengths count characters, not UTF-16 units. */
export function text({ min, max }: { min: number; max: number }) {
  return z
    .string()
    .transform((given, context) => {
      if (PRINTABLE_ASCII.test(given)) {
        const value = given.trim();
        checkLength(value.length, min, max, context);
        return value;
      }
      if (MANY_MARKS.test(given))
        return fail(
          context,
          "invalid_format",
          `must not contain more than ${MAX_MARKS} combining marks in a row`,
        );
      const value = given.normalize("NFC").trim();
      checkStorable(value, context);
      checkLength(lengthOf(value), min, max, context);
      return value;
    })
    .meta({ ...(min > 0 && { minLength: min }), maxLength: max, pattern: min > 0 ? NOT_BLANK : STORABLE });
}

/** Most text: nothing to normalize, and a character per UTF-16 unit. An import spends half its time here without it. */
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

function checkLength(length: number, min: number, max: number, context: z.RefinementCtx): void {
  if (length < min)
    fail(context, "too_short", min === 1 ? "must not be empty" : `must have ${min} characters or more`);
  if (length > max) fail(context, "too_long", `must have ${max} characters or fewer`);
}

/** The limit of Unicode's Stream-Safe Text Format (UAX #15): normalizing a run of marks takes quadratic time. */
const MAX_MARKS = 30;
const MANY_MARKS = new RegExp(`\\p{M}{${MAX_MARKS + 1}}`, "u");

/** The same rules in JSON Schema, which cannot express lone surrogates. */
const STORABLE = "^[^\\u0000]*$";
const NOT_BLANK = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$";

/** Postgres can store neither U+0000 nor a lone surrogate. */
function checkStorable(value: string, context: z.RefinementCtx): void {
  if (!value.isWellFormed()) fail(context, "invalid_format", "must not contain a lone surrogate");
  if (value.includes("\0")) fail(context, "invalid_format", "must not contain U+0000");
}

/** The text with U+FFFD for what Postgres cannot store. */
export const storable = (value: string) => value.toWellFormed().replaceAll("\0", "\ufffd");

/** Counts code points, like Postgres's char_length and JSON Schema. */
function lengthOf(value: string): number {
  let length = 0;
  for (const _ of value) length++;
  return length;
}

/** An integer member of a body. */
export function integer({ min, max }: { min: number; max: number }) {
  return z
    .number()
    .superRefine((value, context) => {
      if (!Number.isInteger(value)) fail(context, "invalid_type", "must be a whole number");
      else if (value < min) fail(context, "out_of_range", `must be ${min} or more`);
      else if (value > max) fail(context, "out_of_range", `must be ${max} or less`);
    })
    .meta({ type: "integer", minimum: min, maximum: max });
}

/** A whole number in a query, at least `min`. Above `max` it is an error, or `max` if `clamped`. */
export function wholeNumber({ min, max, clamped = false }: { min: number; max: number; clamped?: boolean }) {
  return z
    .string()
    .transform((value, context) => {
      if (!/^\d+$/.test(value)) return fail(context, "invalid_type", "must be a whole number");
      const number = Number(value);
      if (number < min) return fail(context, "out_of_range", `must be ${min} or more`);
      if (number > max && !clamped) return fail(context, "out_of_range", `must be ${max} or less`);
      return Math.min(number, max);
    })
    .meta({ type: "integer", minimum: min, ...(!clamped && { maximum: max }) });
}

/** `true` or `false` in a query. */
export const trueOrFalse = () =>
  z
    .string()
    .transform((value, context) =>
      value === "true" || value === "false"
        ? value === "true"
        : fail(context, "invalid_type", "must be true or false"),
    )
    .meta({ type: "boolean" });

export const uuid = () =>
  z
    .string()
    .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
    .toLowerCase()
    .meta({ format: "uuid", examples: ["0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30"] });

/** A timestamp: RFC 3339, UTC, microseconds. */
export const moment = () =>
  z.iso.datetime({ precision: 6 }).meta({ examples: ["2026-03-28T12:00:00.123456Z"] });

const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** A time in a query: RFC 3339 with any offset, made UTC. Postgres takes the years 1 to 9999. */
export const instant = () =>
  z
    .string()
    .transform((value, context) => {
      const [, seconds, fraction = "", offset] = INSTANT.exec(value) ?? [];
      const date = z.iso.datetime({ offset: true }).safeParse(value).success
        ? new Date(`${seconds}${offset}`)
        : undefined;
      const time = date && !Number.isNaN(date.valueOf()) ? date.toISOString() : "";
      return /^(?!0000)\d{4}-/.test(time)
        ? time.replace(/\.000Z$/, `.${fraction.slice(0, 6).padEnd(6, "0")}Z`)
        : fail(context, "invalid_format", "must be a time such as 2026-03-28T12:00:00Z");
    })
    .meta({ format: "date-time", examples: ["2026-03-28T12:00:00Z"] });

const readOnly = z
  .unknown()
  .optional()
  .meta({ readOnly: true, description: "Read-only. Updates accept and ignore it." });

/** Members that only the database writes. An update accepts and ignores them. */
export const readOnlyMembers = { id: readOnly, created_at: readOnly, updated_at: readOnly };

export function withoutReadOnly<T extends Partial<Record<keyof typeof readOnlyMembers, unknown>>>({
  id: _,
  created_at: __,
  updated_at: ___,
  ...changes
}: T): Omit<T, keyof typeof readOnlyMembers> {
  return changes;
}

/** The keys of an object literal, typed. */
export const keysOf = <T extends object>(object: T) => Object.keys(object) as (keyof T & string)[];
