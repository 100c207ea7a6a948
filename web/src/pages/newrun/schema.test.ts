import { expect, test } from "vitest";
import { type Schema, fresh, look } from "./schema";

const root: Schema = {
  $defs: {
    Function: { oneOf: [{ type: "string", const: "relu" }, { type: "string", const: "tanh" }] },
    Extent: { anyOf: [{ type: "integer" }, { type: "array", items: { type: "integer" } }] },
    Layer: {
      oneOf: [
        { type: "object", properties: { kind: { const: "dense" }, units: { type: "integer", minimum: 1 } }, required: ["kind", "units"] },
        { type: "object", properties: { kind: { const: "flatten" } }, required: ["kind"] },
      ],
    },
  },
};

test("a reference keeps the words beside it, and null means that it may be left out", () => {
  const looked = look({ anyOf: [{ $ref: "#/$defs/Function" }, { type: "null" }], description: "Default: relu." }, root);
  expect(looked).toMatchObject({ control: "choice", options: ["relu", "tanh"], optional: true, about: "Default: relu." });
});

test("numbers keep their range and default", () => {
  const looked = look({ type: ["number", "null"], minimum: 0, maximum: 1, default: 0.5 }, root);
  expect(looked).toMatchObject({ control: "number", integer: false, minimum: 0, maximum: 1, standard: 0.5, optional: true });
});

test("objects with kinds are variants, and what fits no control is written as JSON", () => {
  const layer = look({ $ref: "#/$defs/Layer" }, root);
  if (layer.control !== "variants") throw new Error(layer.control);
  expect(layer.variants.map((one) => one.kind)).toEqual(["dense", "flatten"]);
  expect(fresh(layer.variants[0] as never, root)).toEqual({ kind: "dense", units: 64 });
  expect(look({ $ref: "#/$defs/Extent" }, root).control).toBe("json");
  expect(look({ type: "array", items: { $ref: "#/$defs/Layer" } }, root).control).toBe("list");
});
