// Which settings of a spec a sweep can search, and what a good first range is.
import type { Domain, Json, JsonValue } from "../../api/types";

export interface Setting {
  pointer: string;
  value: string | number | boolean;
}

/** Parts of a spec that are no settings of the training. */
const LEFT_OUT = /^\/(name|dataset|priority|metadata|resources)\b|^\/task\/(kind|target|features|split)\b|^\/training\/(seed|checkpoint)\b|\/kind$/;

function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Every single value in a spec, by its JSON Pointer. */
export function settingsOf(spec: Json): Setting[] {
  const all: Setting[] = [];
  const walk = (value: JsonValue, pointer: string) => {
    if (LEFT_OUT.test(pointer) || value === null) return;
    if (typeof value === "object") for (const [key, inner] of Object.entries(value)) walk(inner, `${pointer}/${escaped(key)}`);
    else all.push({ pointer, value });
  };
  walk(spec, "");
  // What is searched most often comes first.
  const rank = ({ pointer }: Setting) => [/\/learning_rate$/, /\/units$/, /\/batch_size$/, /weight_decay$/, /\/rate$/, /\/activation$/].findIndex((known) => known.test(pointer));
  const order = (setting: Setting) => (rank(setting) < 0 ? 99 : rank(setting));
  return all.sort((a, b) => order(a) - order(b));
}

/** A power of two at most `n`. */
function power(n: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(n)));
}

function round(n: number): number {
  return Number(n.toPrecision(2));
}

/** A range around the value that the run had, wide enough to learn something. */
export function suggested({ pointer, value }: Setting): Domain {
  if (typeof value === "boolean") return { kind: "choice", values: [false, true] };
  if (typeof value === "string") return { kind: "choice", values: pointer.endsWith("/activation") ? [...new Set([value, "relu", "tanh", "gelu"])] : [value] };
  if (pointer.endsWith("/learning_rate")) return { kind: "log_uniform", low: round(value / 30), high: round(Math.min(1000, value * 30)) };
  if (pointer.endsWith("/batch_size")) return { kind: "choice", values: [power(value) / 2, power(value), power(value) * 2].filter((n) => n >= 1) };
  if (/\/(rate|momentum|label_smoothing|pct_start)$/.test(pointer)) return { kind: "uniform", low: 0, high: 0.5 };
  if (Number.isInteger(value) && value >= 2) return { kind: "integer", low: Math.max(1, Math.round(value / 4)), high: value * 4, log: value >= 8 };
  if (value > 0) return { kind: "log_uniform", low: round(value / 10), high: round(value * 10) };
  return { kind: "uniform", low: 0, high: 1 };
}

/** Values as a person types them: JSON where it is JSON, else words, separated by commas. */
export function valuesOf(text: string): JsonValue[] {
  try {
    return JSON.parse(`[${text}]`) as JsonValue[];
  } catch {
    return text
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "")
      .map((word) => {
        try {
          return JSON.parse(word) as JsonValue;
        } catch {
          return word;
        }
      });
  }
}

export function textOf(values: JsonValue[]): string {
  return values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ");
}

/** The last parts of a pointer, enough to tell it from others: `optimizer learning_rate`, `network 0 units`. */
export function short(pointer: string): string {
  const parts = pointer.slice(1).split("/");
  // A number alone says nothing: what it counts stands before it.
  const wanted = /^\d+$/.test(parts.at(-2) ?? "") ? 3 : 2;
  return parts.slice(-wanted).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(" ");
}

/** Whether equal factors, not equal differences, are equal steps in this domain. */
export function isLog(domain: Domain | undefined): boolean {
  return domain?.kind === "log_uniform" || (domain?.kind === "integer" && domain.log === true);
}
