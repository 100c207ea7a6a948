// Texts in the reader's language: `t("home.title")`. Components that call it are drawn again when the language changes.
import { effect, signal } from "@preact/signals";
import { remembered } from "../remembered";
import { catalogue } from "./catalogue";
import { type Language, languages } from "./entry";

type Catalogue = typeof catalogue;
export type Key = keyof Catalogue;
type Arguments<K extends Key> = Catalogue[K]["en"] extends (...args: infer A) => string ? A : [];

/** Keys of texts without arguments, for tables of labels. */
export type PlainKey = { [K in Key]: Catalogue[K]["en"] extends string ? K : never }[Key];

function preferred(): Language {
  for (const tag of navigator.languages) {
    const code = tag.slice(0, 2).toLowerCase();
    if (code in languages) return code as Language;
  }
  return "en";
}

const kept = remembered<Language>("language", (value) => (value in languages ? (value as Language) : null));
export const language = signal<Language>(kept.read() ?? preferred());

effect(() => {
  document.documentElement.lang = language.value;
});

export function speak(next: Language): void {
  kept.write(next);
  language.value = next;
}

export function t<K extends Key>(key: K, ...args: Arguments<K>): string {
  const words = catalogue[key][language.value] as string | ((...args: Arguments<K>) => string);
  return typeof words === "string" ? words : words(...args);
}

/** Whether the catalogue has a text for a key made from the server's words (`status.running`). */
export function known(key: string): key is PlainKey {
  return key in catalogue;
}
