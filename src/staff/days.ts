/** Days of the shop: dates in its time zone, and when they begin. */

const DAY_MS = 86_400_000;

type Part = "year" | "month" | "day" | "hour" | "minute" | "second";

/** What a clock in a time zone shows. */
function clockAt(zone: string, time: number): Record<Part, string> {
  const digits = "2-digit";
  const clock = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    calendar: "iso8601",
    numberingSystem: "latn",
    hourCycle: "h23",
    ...{ year: "numeric", month: digits, day: digits, hour: digits, minute: digits, second: digits },
  });
  return Object.fromEntries(clock.formatToParts(time).map(({ type, value }) => [type, value])) as never;
}

/** The date in a time zone: `2026-11-26`. */
export function dateIn(zone: string, time: number): string {
  const { year, month, day } = clockAt(zone, time);
  return `${year}-${month}-${day}`;
}

/** How far the clocks of a time zone are ahead of UTC. */
function offsetAt(zone: string, time: number): number {
  const { hour, minute, second } = clockAt(zone, time);
  return Date.parse(`${dateIn(zone, time)}T${hour}:${minute}:${second}Z`) - time;
}

/**
 * When a day begins in a time zone, or a number of days later. Clocks may change on that day, even at midnight, so both
 * offsets are tried: the day begins at the first time that is on its date.
 */
export function startOfDay(zone: string, date: string, later = 0): string {
  const midnight = Date.parse(date) + later * DAY_MS;
  const day = new Date(midnight).toISOString().slice(0, 10);
  const starts = [midnight - DAY_MS, midnight + DAY_MS].map((near) => midnight - offsetAt(zone, near));
  const start = starts.sort((one, other) => one - other).find((time) => dateIn(zone, time) === day);
  return new Date(start ?? Math.max(...starts)).toISOString();
}
