// The served JSON Schema as a form sees it: what kind of control a member wants, with its default, range and explanation.
import type { Json, JsonValue } from "../../api/types";

export interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  enum?: JsonValue[];
  const?: JsonValue;
  default?: JsonValue;
  description?: string;
  minimum?: number;
  maximum?: number;
  $defs?: Record<string, Schema>;
}

/** One of several objects that are told apart by their `kind`. */
export interface Variant {
  kind: string;
  about: string | undefined;
  schema: Schema;
}

/** The control that a member wants. */
export type Control =
  | { control: "number"; integer: boolean; minimum?: number; maximum?: number }
  | { control: "text" }
  | { control: "check" }
  | { control: "choice"; options: string[] }
  | { control: "words" }
  | { control: "variants"; variants: Variant[] }
  | { control: "list"; item: Schema }
  | { control: "object"; schema: Schema }
  | { control: "json" };

export type Looked = Control & { about: string | undefined; standard: JsonValue | undefined; optional: boolean };

/** The schema behind a `$ref`; what stands beside the reference wins. */
export function resolved(schema: Schema, root: Schema): Schema {
  if (!schema.$ref) return schema;
  const { $ref, ...beside } = schema;
  const target = root.$defs?.[$ref.replace("#/$defs/", "")];
  return target ? { ...resolved(target, root), ...beside } : beside;
}

function isNull(schema: Schema): boolean {
  return schema.type === "null";
}

/** Alternatives that are all objects with a `kind` of their own. */
export function variants(schema: Schema, root: Schema): Variant[] | null {
  const found: Variant[] = [];
  for (const one of (schema.oneOf ?? schema.anyOf ?? []).map((part) => resolved(part, root))) {
    const kind = one.properties?.kind?.const;
    if (typeof kind !== "string") return null;
    found.push({ kind, about: one.description, schema: one });
  }
  return found.length > 0 ? found : null;
}

function control(schema: Schema, root: Schema): Control {
  if (schema.enum?.every((value) => typeof value === "string")) return { control: "choice", options: schema.enum };
  if (typeof schema.const === "string") return { control: "choice", options: [schema.const] };
  const alternatives = (schema.oneOf ?? schema.anyOf ?? []).map((part) => resolved(part, root));
  if (alternatives.length > 0) {
    const kinds = variants(schema, root);
    if (kinds) return { control: "variants", variants: kinds };
    const words = alternatives.map((one) => one.const);
    return words.every((word) => typeof word === "string") ? { control: "choice", options: words } : { control: "json" };
  }
  switch (schema.type) {
    case "number":
    case "integer":
      return { control: "number", integer: schema.type === "integer", minimum: schema.minimum, maximum: schema.maximum };
    case "string":
      return { control: "text" };
    case "boolean":
      return { control: "check" };
    case "array": {
      const item = schema.items ? resolved(schema.items, root) : {};
      if (item.type === "string") return { control: "words" };
      return variants(item, root) ? { control: "list", item } : { control: "json" };
    }
    case "object":
      return schema.properties ? { control: "object", schema } : { control: "json" };
    default:
      return { control: "json" };
  }
}

/** What control a member wants; `null` as an alternative only means that it may be left out. */
export function look(member: Schema, root: Schema): Looked {
  const outer = resolved(member, root);
  let inner = outer;
  let optional = outer.default !== undefined;
  if (Array.isArray(outer.type)) {
    const types = outer.type.filter((type) => type !== "null");
    optional ||= types.length < outer.type.length;
    inner = { ...outer, type: types.length === 1 ? types[0] : types };
  }
  const alternatives = outer.anyOf?.filter((part) => !isNull(part));
  if (outer.anyOf && alternatives && alternatives.length < outer.anyOf.length) {
    optional = true;
    inner = alternatives.length === 1 ? resolved(alternatives[0] as Schema, root) : { ...outer, anyOf: alternatives };
  }
  return { ...control(inner, root), about: outer.description ?? inner.description, standard: outer.default, optional };
}

/** A new object of a variant: its kind, and a first value for what has no default. */
export function fresh(variant: Variant, root: Schema): Json {
  const made: Json = { kind: variant.kind };
  for (const name of variant.schema.required ?? []) {
    const member = variant.schema.properties?.[name];
    if (name === "kind" || !member) continue;
    const looked = look(member, root);
    if (looked.control === "number") made[name] = FIRST[name] ?? looked.minimum ?? 1;
    else if (looked.control === "choice") made[name] = looked.options[0] ?? "";
    else made[name] = FIRST[name] ?? (looked.control === "text" ? "" : []);
  }
  return made;
}

/** Where the least allowed value would be a strange beginning. */
const FIRST: Record<string, JsonValue> = { units: 64, filters: 32, kernel_size: 3, rate: 0.2, heads: 4, dimensions: 16, vocabulary: 1000, factor: 2, gamma: 0.9, every_epochs: 10, shape: [1], step_size: 10 };
