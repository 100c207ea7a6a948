import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { JsonValue } from "../../api/types";
import { t } from "../../i18n";
import { Field } from "../../ui/Field";

interface JsonFieldProps {
  label: ComponentChildren;
  hint?: ComponentChildren;
  error?: ComponentChildren;
  value: JsonValue | undefined;
  onChange: (value: JsonValue | undefined) => void;
}

/** What a text means: JSON, a bare word, or nothing; null while it is neither. */
function parsed(text: string): { value: JsonValue | undefined } | null {
  if (text.trim() === "") return { value: undefined };
  try {
    return { value: JSON.parse(text) as JsonValue };
  } catch {
    return /^[a-z_]+$/.test(text) ? { value: text } : null;
  }
}

/** A value of several possible forms (`3`, `[5, 3]`, `same`), written as JSON. */
export function JsonField({ label, hint, error, value, onChange }: JsonFieldProps) {
  const written = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  /** What is being typed, until the field is left. */
  const [draft, setDraft] = useState<string>();
  const wrong = draft !== undefined && parsed(draft) === null ? t("newrun.not_json") : error;
  const read = (text: string) => {
    setDraft(text);
    const meant = parsed(text);
    if (meant) onChange(meant.value);
  };
  return (
    <Field label={label} hint={hint} error={wrong}>
      {(wiring) => (
        <input {...wiring} class="input mono" value={draft ?? written} placeholder={t("newrun.automatic")} spellcheck={false} onInput={(event) => read(event.currentTarget.value)} onBlur={() => setDraft(undefined)} />
      )}
    </Field>
  );
}
