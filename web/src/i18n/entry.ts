// What a text of the catalogue is: the same words in every language, or the same function to words.
type Words = string | ((...args: never[]) => string);
type Like<W> = W extends string ? string : W;

/** Texts in all languages, side by side. A language that is missing, or takes other arguments, is a type error. */
export function texts<const T extends Record<string, { en: Words; ko: Words }>>(
  entries: T & { [K in keyof T]: { en: T[K]["en"]; ko: Like<T[K]["en"]> } },
): T {
  return entries;
}

export const languages = { en: "English", ko: "한국어" } as const;
export type Language = keyof typeof languages;
