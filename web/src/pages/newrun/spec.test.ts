import { expect, test } from "vitest";
import type { Dataset } from "../../api/types";
import { begin, familyOf, python, targets, withFamily } from "./spec";

const dataset = {
  name: "houses",
  columns: [
    { name: "area", kind: "numeric" },
    { name: "rooms", kind: "integer" },
    { name: "city", kind: "categorical" },
    { name: "price", kind: "numeric" },
  ],
} as Dataset;

test("the likeliest target comes first", () => {
  expect(targets(dataset, "classification")).toEqual(["city", "rooms"]);
  expect(targets(dataset, "regression")).toEqual(["price", "area", "rooms"]);
  expect(begin(dataset)).toEqual({ dataset: "houses", task: { kind: "classification", target: "city" } });
});

test("another family drops what it does not understand", () => {
  const spec = { ...begin(dataset), loss: { kind: "hinge" }, network: [{ kind: "flatten" }], training: { epochs: 3 } };
  const regression = withFamily(spec, "regression", dataset);
  expect(regression).toEqual({ dataset: "houses", task: { kind: "regression", target: "price" }, network: [{ kind: "flatten" }], training: { epochs: 3 } });
  const embedding = withFamily(spec, "embedding", dataset);
  expect(embedding).toEqual({ dataset: "houses", task: { kind: "embedding", target: "city" }, network: [{ kind: "flatten" }], training: { epochs: 3 } });
  expect(familyOf(embedding)).toBe("embedding");
  const perceptron = withFamily(spec, "perceptron", dataset);
  expect(familyOf(perceptron)).toBe("perceptron");
  expect(withFamily(perceptron, "classification", dataset).network).toBeUndefined();
});

test("Python is written with its own constants", () => {
  expect(python({ a: [1, null], b: true }, "")).toBe('{\n    "a": [1, None],\n    "b": True,\n}');
});
