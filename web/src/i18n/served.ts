// Words that come from the server, which speaks English: explanations and names of the JSON Schema. In another language they are
// looked up in a dictionary, which is a chunk of its own, so that a first visit does not pay for it.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { language } from "./index";

export interface Dictionary {
  /** By the explanation as the schema has it. */
  explanations: Record<string, string>;
  /** By the name of a member or of one of its values. */
  names: Record<string, string>;
}

const korean = signal<Dictionary>();

/** Loads the dictionary of the reader's language while the calling component is shown. Without it the words stay English. */
export function useDictionary(): void {
  const wanted = language.value;
  useEffect(() => {
    if (wanted !== "ko") return;
    import("./korean").then(
      (module) => {
        korean.value = module.korean;
      },
      () => undefined,
    );
  }, [wanted]);
}

function dictionary(): Dictionary | undefined {
  return language.value === "ko" ? korean.value : undefined;
}

/** An explanation as it is read: the marks around code are for the document of the API. */
export function explained(text: string): string {
  return (dictionary()?.explanations[text] ?? text).replaceAll("`", "");
}

/** A name of the contract as words. */
export function words(name: string): string {
  const text = name.replaceAll("_", " ");
  return dictionary()?.names[name] ?? text.charAt(0).toUpperCase() + text.slice(1);
}
