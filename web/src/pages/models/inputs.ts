// What a model takes, as fields of a form: made from the fitted transform that travels with the model.
import type { ColumnProfile } from "../../api/types";
import type { Row } from "./predict";

/** How one column became features when the model was trained; the parts of the model's document that a form needs. */
type Encoding =
  | { kind: "number"; impute: number; shift: number; scale: number }
  | { kind: "boolean"; impute: number }
  | { kind: "timestamp"; impute: number }
  | { kind: "categories" | "index"; names: string[]; impute: number }
  | { kind: "array"; shape: number[]; divisor: number; shift: number[] };

export interface ModelDocument {
  transform: {
    schema: { columns: { name: string; kind: string }[] };
    inputs: { name: string; column: number; encoding: Encoding }[];
    target: { kind: string; name?: string };
  };
}

/** A number with the range that the training rows had. */
export interface NumberInput {
  kind: "number";
  name: string;
  low: number;
  high: number;
  step: number;
  start: number;
}
export interface ChoiceInput {
  kind: "choice";
  name: string;
  options: string[];
  start: string;
}
export interface TimeInput {
  kind: "time";
  name: string;
  start: string;
}
/** A picture `[height, width, channels]`, or numbers in another shape. */
export interface ArrayInput {
  kind: "array";
  name: string;
  shape: number[];
  /** The greatest value of a number in the training file, 255 for pixels. */
  top: number;
  /** Whether the training pictures are dark on light. */
  bright: boolean;
}
export type Input = NumberInput | ChoiceInput | TimeInput | ArrayInput;

/** A value as a form holds it: what was typed, and nothing for a missing value. */
export type Values = Record<string, string>;

/** The smallest 1, 2 or 5 times a power of ten that is at least a hundredth part of `width`. */
export function stepOf(width: number): number {
  if (!(width > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(width / 100));
  const step = [1, 2, 5].map((n) => n * power).find((n) => n >= width / 100) ?? 10 * power;
  return Number(step.toPrecision(1));
}

function rounded(value: number, step: number): number {
  return Number((Math.round(value / step) * step).toPrecision(12));
}

function numberInput(name: string, encoding: { impute: number; shift: number; scale: number }, whole: boolean, profile?: ColumnProfile): NumberInput {
  // Without the dataset the range is three standard deviations around the mean of the training rows.
  const low = profile?.min ?? encoding.shift - 3 * encoding.scale;
  const high = profile?.max ?? encoding.shift + 3 * encoding.scale;
  const step = whole ? Math.max(1, Math.round(stepOf(high - low))) : stepOf(high - low);
  return { kind: "number", name, low: rounded(low, step), high: rounded(high, step), step, start: rounded(encoding.impute, step) };
}

/** The fields of the form, in the order of the file. `profile` is that of the dataset while it still exists. */
export function inputsOf(document: ModelDocument, profile: ColumnProfile[] = []): Input[] {
  const { schema, inputs } = document.transform;
  return inputs.map(({ name, column, encoding }): Input => {
    switch (encoding.kind) {
      case "number":
        return numberInput(name, encoding, schema.columns[column]?.kind === "integer", profile.find((c) => c.name === name));
      case "boolean":
        return { kind: "choice", name, options: ["true", "false"], start: encoding.impute >= 0.5 ? "true" : "false" };
      case "timestamp":
        return { kind: "time", name, start: new Date(encoding.impute * 1000).toISOString().slice(0, 16) };
      case "categories":
        return { kind: "choice", name, options: encoding.names, start: encoding.names[encoding.impute] ?? "" };
      case "index":
        return { kind: "choice", name, options: encoding.names, start: encoding.names[encoding.impute - 1] ?? "" };
      case "array":
        return { kind: "array", name, shape: encoding.shape, top: encoding.divisor > 1 ? encoding.divisor : 1, bright: encoding.divisor > 1 && (encoding.shift[0] ?? 0) > 0.5 };
    }
  });
}

/** A picture that can be drawn: one channel, and not so large that a drawing says nothing. */
export function drawable(input: Input): input is ArrayInput {
  return input.kind === "array" && input.shape.length === 3 && input.shape[2] === 1 && Math.max(...input.shape) <= 128;
}

/** The form's first contents. */
export function startOf(inputs: Input[]): Values {
  return Object.fromEntries(inputs.flatMap((input) => (input.kind === "array" ? [] : [[input.name, String(input.start)]])));
}

/** The row that a request sends: numbers as numbers, an empty field as a missing value. */
export function rowOf(inputs: Input[], values: Values): Row {
  return Object.fromEntries(
    inputs.map((input): [string, Row[string]] => {
      const value = values[input.name] ?? "";
      if (value === "") return [input.name, null];
      if (input.kind === "array") return [input.name, JSON.parse(value) as unknown[]];
      const number = Number(value);
      return [input.name, input.kind === "number" && Number.isFinite(number) ? number : value];
    }),
  );
}

/** What is wrong with a list of numbers that was typed for `input`; null where it can be sent. */
export function arrayFault(input: ArrayInput, text: string): "numbers" | "length" | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "numbers";
  }
  const flat = Array.isArray(parsed) ? (parsed.flat(3) as unknown[]) : [];
  if (flat.length === 0 || !flat.every((n) => typeof n === "number")) return "numbers";
  return flat.length === input.shape.reduce((a, b) => a * b, 1) ? null : "length";
}
