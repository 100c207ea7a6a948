import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./field.css";

interface FieldProps {
  label: ComponentChildren;
  hint?: ComponentChildren;
  /** What the server or the browser found wrong with it. */
  error?: ComponentChildren;
}

/** What a control needs so that its label, hint and error belong to it. */
interface Wiring {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean;
}

/** A control with its label, its explanation and what is wrong with it. */
export function Field({ label, hint, error, children }: FieldProps & { children: (wiring: Wiring) => ComponentChildren }) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": Boolean(error) })}
      {error && <div id={`${id}-error`} class="error">{error}</div>}
      {hint && <div id={`${id}-hint`} class="hint">{hint}</div>}
    </div>
  );
}

interface TextProps extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password" | "search";
  placeholder?: string;
  required?: boolean;
  autocomplete?: string;
}

export function TextField({ value, onInput, type = "text", placeholder, required, autocomplete = "off", ...field }: TextProps) {
  return (
    <Field {...field}>
      {(wiring) => (
        <input {...wiring} class="input" type={type as "text" /* the types of JSX want a literal here */} value={value} placeholder={placeholder} required={required} autocomplete={autocomplete} spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)} />
      )}
    </Field>
  );
}

interface SelectProps<T extends string> extends FieldProps {
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

export function SelectField<T extends string>({ value, options, onChange, ...field }: SelectProps<T>) {
  return (
    <Field {...field}>
      {(wiring) => (
        <select {...wiring} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}
        </select>
      )}
    </Field>
  );
}

export function Check({ label, checked, onChange }: { label: ComponentChildren; checked: boolean; onChange: (checked: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}
