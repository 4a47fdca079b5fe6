/** A text that begins with a capital letter. The API's sentences begin with the name of a field, which forms leave out. */
export const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
