// The document that the form writes. It holds only what was chosen: what it leaves out, the server fills in.
import type { Dataset, Json, JsonValue } from "../../api/types";

export type Family = "classification" | "regression" | "embedding" | "perceptron";

/** `spec` with a member set, or taken out where the value is `undefined`. */
export function withMember(spec: Json, name: string, value: JsonValue | undefined): Json {
  const { [name]: _, ...rest } = spec;
  return value === undefined ? rest : { ...rest, [name]: value };
}

export function task(spec: Json): Json {
  return (spec.task as Json | undefined) ?? {};
}

export function withTask(spec: Json, name: string, value: JsonValue | undefined): Json {
  return { ...spec, task: withMember(task(spec), name, value) };
}

export function familyOf(spec: Json): Family {
  const network = spec.network as Json | undefined;
  if (network?.kind === "perceptron") return "perceptron";
  const kind = task(spec).kind;
  return kind === "regression" || kind === "embedding" ? kind : "classification";
}

/** Names that people give to what is to be predicted. */
const TARGET_NAMES = /^(label|target|class|outcome|y)$/i;

/** How much a column looks like the target: by its name, by its kind, and because files begin or end with it. */
function likelihood(dataset: Dataset, name: string, family: Family): number {
  const idx = dataset.columns.findIndex((column) => column.name === name);
  const kind = dataset.columns[idx]?.kind;
  if (TARGET_NAMES.test(name)) return 5;
  if (family !== "regression" && kind === "boolean") return 4;
  if (family !== "regression" && kind === "integer") return 0;
  return idx === dataset.columns.length - 1 ? 3 : idx === 0 ? 2 : 1;
}

/** Columns that a family can learn from as its target, the likeliest first. */
export function targets(dataset: Dataset, family: Family): string[] {
  const wanted = family === "regression" ? ["numeric", "integer"] : ["categorical", "boolean", "integer"];
  const names = dataset.columns.filter((column) => wanted.includes(column.kind)).map((column) => column.name);
  return names.sort((a, b) => likelihood(dataset, b, family) - likelihood(dataset, a, family));
}

/** The same document for another family: what only the other one understands is dropped. */
export function withFamily(spec: Json, family: Family, dataset: Dataset | undefined): Json {
  const kind = family === "perceptron" ? "classification" : family;
  const { loss: _loss, network, optimizer, ...rest } = spec;
  const possible = dataset ? targets(dataset, family) : [];
  const before = task(spec).target;
  const target = typeof before === "string" && possible.includes(before) ? before : (possible[0] ?? before ?? "");
  const { split: _split, ...kept } = task(spec);
  const next: Json = { ...rest, task: { ...kept, kind, target } };
  if (family === "perceptron") return { ...next, network: { kind: "perceptron" } };
  if (optimizer !== undefined) next.optimizer = optimizer;
  if (network !== undefined && familyOf(spec) !== "perceptron") next.network = network;
  return next;
}

/** A first document for a dataset. */
export function begin(dataset: Dataset): Json {
  const classes = dataset.columns.some((column) => ["categorical", "boolean"].includes(column.kind) || TARGET_NAMES.test(column.name));
  const family = classes ? "classification" : "regression";
  return { dataset: dataset.name, task: { kind: family, target: targets(dataset, family)[0] ?? "" } };
}

/** JSON as Python writes it. */
export function python(value: JsonValue, indent = "    "): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const deeper = `${indent}    `;
  if (Array.isArray(value)) {
    if (value.every((one) => one === null || typeof one !== "object")) return `[${value.map((one) => python(one)).join(", ")}]`;
    return `[\n${value.map((one) => deeper + python(one, deeper)).join(",\n")},\n${indent}]`;
  }
  const members = Object.entries(value);
  if (members.length === 0) return "{}";
  return `{\n${members.map(([name, one]) => `${deeper}${JSON.stringify(name)}: ${python(one, deeper)}`).join(",\n")},\n${indent}}`;
}
