/** When days begin where the shop is. */
import { expect, test } from "vitest";
import { dateIn, startOfDay } from "../../src/staff/days.ts";

test.each([
  ["UTC", "2026-11-26", "2026-11-26T00:00"],
  ["Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15"],
  ["America/St_Johns", "2026-01-01", "2026-01-01T03:30"],
  // Clocks change at two or three in the morning.
  ["Europe/Berlin", "2026-03-29", "2026-03-28T23:00"],
  ["Europe/Berlin", "2026-03-30", "2026-03-29T22:00"],
  ["Europe/Berlin", "2026-10-25", "2026-10-24T22:00"],
  ["Europe/Berlin", "2026-10-26", "2026-10-25T23:00"],
  // At midnight: the day begins at one, or the hour before it comes twice.
  ["America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"],
  ["America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00"],
  ["Asia/Beirut", "2023-03-26", "2023-03-25T22:00"],
  ["Africa/Cairo", "2024-11-01", "2024-10-31T22:00"],
  // A day that was left out.
  ["Pacific/Apia", "2011-12-30", "2011-12-30T10:00"],
  ["Pacific/Apia", "2011-12-31", "2011-12-30T10:00"],
])("in %s, %s begins at %s", (zone, date, start) => {
  expect(startOfDay(zone, date)).toBe(`${start}:00.000Z`);
});

test("a day ends where the next begins", () => {
  expect(startOfDay("Europe/Berlin", "2026-10-25", 1)).toBe(startOfDay("Europe/Berlin", "2026-10-26"));
  expect(startOfDay("UTC", "2026-12-31", 1)).toBe("2027-01-01T00:00:00.000Z");
});

test("the date is that of the time zone", () => {
  const time = Date.parse("2026-11-26T22:00:00Z");
  expect([dateIn("Asia/Tokyo", time), dateIn("America/New_York", time)]).toEqual([
    "2026-11-27",
    "2026-11-26",
  ]);
});
