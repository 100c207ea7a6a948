import type { Problem } from "../../api/problem";
import { t } from "../../i18n";
import { Field } from "../../ui/Field";
import { arrayFault, type ArrayInput, type Input, type NumberInput, type Values } from "./inputs";

interface OneProps<I extends Input> {
  input: I;
  value: string;
  error?: string;
  onInput: (value: string) => void;
}

/** A number, and a slider over the range that the training rows had; numbers beyond it can be typed. */
function NumberField({ input, value, error, onInput }: OneProps<NumberInput>) {
  return (
    <Field label={input.name} error={error}>
      {(wiring) => (
        <div class="try-number">
          <input type="range" aria-label={input.name} min={input.low} max={input.high} step={input.step} value={value === "" ? input.start : value} onInput={(event) => onInput(event.currentTarget.value)} />
          <input {...wiring} class="input" inputMode="decimal" value={value} placeholder={t("models.missing")} onInput={(event) => onInput(event.currentTarget.value)} />
        </div>
      )}
    </Field>
  );
}

function fault(input: ArrayInput, value: string): string | undefined {
  if (value === "") return undefined;
  const found = arrayFault(input, value);
  if (found === null) return undefined;
  return found === "numbers" ? t("models.numbers_fault") : t("models.length_fault", input.shape.reduce((a, b) => a * b, 1));
}

function One({ input, ...props }: OneProps<Input>) {
  const { value, error, onInput } = props;
  switch (input.kind) {
    case "number":
      return <NumberField input={input} {...props} />;
    case "choice":
      return (
        <Field label={input.name} error={error}>
          {(wiring) => (
            <select {...wiring} class="input" value={value} onChange={(event) => onInput(event.currentTarget.value)}>
              {input.options.map((option) => <option key={option} value={option}>{option}</option>)}
              {/* A category that training did not know is kept as the row of the data has it. */}
              {value !== "" && !input.options.includes(value) && <option value={value}>{value}</option>}
              <option value="">{t("models.missing")}</option>
            </select>
          )}
        </Field>
      );
    case "time":
      return (
        <Field label={input.name} error={error}>
          {(wiring) => <input {...wiring} class="input" value={value} placeholder={t("models.missing")} onInput={(event) => onInput(event.currentTarget.value)} />}
        </Field>
      );
    case "array":
      return (
        <Field label={input.name} hint={t("models.numbers", input.shape.join(" × "))} error={error ?? fault(input, value)}>
          {(wiring) => <textarea {...wiring} class="input" value={value} onInput={(event) => onInput(event.currentTarget.value)} />}
        </Field>
      );
  }
}

/** The form of a row: one field for each column that the model takes, with what the server found wrong at its place. */
export function Fields({ inputs, values, problem, onChange }: { inputs: Input[]; values: Values; problem?: Problem; onChange: (values: Values) => void }) {
  const faults = problem?.violations ?? [];
  return (
    <div class="try-fields">
      {inputs.map((input) => (
        <One
          key={input.name}
          input={input}
          value={values[input.name] ?? ""}
          error={faults.filter((each) => each.column === input.name || each.pointer?.endsWith(`/${input.name}`)).map((each) => each.message).join(" ") || undefined}
          onInput={(value) => onChange({ ...values, [input.name]: value })}
        />
      ))}
    </div>
  );
}
