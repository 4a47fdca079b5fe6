/**
 * Finds variables whose names look like misspellings of Octavo's: they differ from a variable that is not set only in
 * underscores, case, and one typing error per seven letters.
 *
 * @param names of the variables that are read
 * @returns a sentence for each, without its value
 */
export function misspellings(environment: Record<string, unknown>, names: readonly string[]): string[] {
  const letters = (name: string) => name.replaceAll("_", "").toUpperCase();
  return Object.keys(environment).flatMap((name) => {
    if (names.includes(name)) return [];
    const meant = names.find((known) => {
      const slips = Math.floor(letters(known).length / 7);
      return slips > 0 && !environment[known] && isWithin(slips, letters(name), letters(known));
    });
    return meant ? [`${name} is not a variable of Octavo: did you mean ${meant}?`] : [];
  });
}

/** Whether the Damerau-Levenshtein distance of two texts is at most `slips`. */
function isWithin(slips: number, one: string, other: string): boolean {
  if (one === other) return true;
  if (slips === 0) return false;
  let same = 0;
  while (one[same] === other[same]) same++;
  const [a, b] = [one.slice(same), other.slice(same)];
  return (
    isWithin(slips - 1, a.slice(1), b.slice(1)) ||
    isWithin(slips - 1, a.slice(1), b) ||
    isWithin(slips - 1, a, b.slice(1)) ||
    (a[0] === b[1] && a[1] === b[0] && isWithin(slips - 1, a.slice(2), b.slice(2)))
  );
}
