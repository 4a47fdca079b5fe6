/** Numbers as people read them. */

/** With two digits that matter, or whole: `0.12`, `3.4`, `56`, `7,890`, `1.2 million`. */
export function count(value: number): string {
  if (value === 0) return "0";
  if (value >= 1e9) return `${significant(value / 1e9)} billion`;
  if (value >= 1e6) return `${significant(value / 1e6)} million`;
  return value >= 100 ? Number(value.toPrecision(3)).toLocaleString("en") : significant(value);
}

/** In decimal units: `5.2 GB`. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const at = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${significant(value / 1000 ** at)} ${units[at]}`;
}

/** A share as a signed percentage: `+4 %`. */
export function percent(share: number): string {
  const digits = Math.abs(share * 100).toFixed(0);
  return digits === "0" ? "0 %" : `${share < 0 ? "−" : "+"}${digits} %`;
}

const significant = (value: number) => `${Number(value.toPrecision(value >= 100 ? 3 : 2))}`;
