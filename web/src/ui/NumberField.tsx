import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Field } from "./Field";

interface NumberFieldProps {
  label: ComponentChildren;
  hint?: ComponentChildren;
  error?: ComponentChildren;
  /** `undefined` where nothing is given. */
  value: number | undefined;
  minimum?: number;
  maximum?: number;
  placeholder?: string;
  onChange: (value: number | undefined) => void;
}

function parsed(text: string): number | undefined {
  return text.trim() === "" ? undefined : Number(text);
}

/** A number. What is being typed stays as it is typed (`0.0` on the way to `0.05`), whatever its value means so far. */
export function NumberField({ label, hint, error, value, minimum, maximum, placeholder, onChange }: NumberFieldProps) {
  const [text, setText] = useState(value === undefined ? "" : String(value));
  useEffect(() => {
    setText((typed) => (parsed(typed) === value ? typed : value === undefined ? "" : String(value)));
  }, [value]);
  const read = (typed: string) => {
    setText(typed);
    onChange(parsed(typed));
  };
  return (
    <Field label={label} hint={hint} error={error}>
      {(wiring) => <input {...wiring} class="input" type="number" step="any" min={minimum} max={maximum} placeholder={placeholder} value={text} onInput={(event) => read(event.currentTarget.value)} />}
    </Field>
  );
}
