import { expect, test } from "vitest";
import type { ColumnProfile } from "../../api/types";
import { arrayFault, drawable, inputsOf, type ModelDocument, rowOf, startOf, stepOf } from "./inputs";

const document: ModelDocument = {
  transform: {
    schema: { columns: [{ name: "species", kind: "categorical" }, { name: "island", kind: "categorical" }, { name: "mass", kind: "integer" }, { name: "bill", kind: "numeric" }, { name: "tame", kind: "boolean" }, { name: "seen", kind: "timestamp" }] },
    inputs: [
      { name: "island", column: 1, encoding: { kind: "categories", names: ["Biscoe", "Dream"], impute: 1 } },
      { name: "mass", column: 2, encoding: { kind: "number", impute: 4000, shift: 4184.979, scale: 796.22 } },
      { name: "bill", column: 3, encoding: { kind: "number", impute: 43.55, shift: 43.8, scale: 5.6 } },
      { name: "tame", column: 4, encoding: { kind: "boolean", impute: 1 } },
      { name: "seen", column: 5, encoding: { kind: "timestamp", impute: 86_400 } },
    ],
    target: { kind: "classes", name: "species" },
  },
};

test("each column becomes a field of its kind, with the range of the training rows", () => {
  const profile = [{ name: "mass", min: 2700, max: 6300 }] as ColumnProfile[];
  const [island, mass, bill, tame, seen] = inputsOf(document, profile);
  expect(island).toEqual({ kind: "choice", name: "island", options: ["Biscoe", "Dream"], start: "Dream" });
  expect(mass).toEqual({ kind: "number", name: "mass", low: 2700, high: 6300, step: 50, start: 4000 });
  // No profile for the bill: mean and three deviations.
  expect(bill).toMatchObject({ low: 27, high: 60.5, step: 0.5 });
  expect(tame).toMatchObject({ options: ["true", "false"], start: "true" });
  expect(seen).toMatchObject({ kind: "time", start: "1970-01-02T00:00" });
});

test("an index of categories begins at 1, because 0 is the rare ones", () => {
  const embedded: ModelDocument = { transform: { ...document.transform, inputs: [{ name: "island", column: 1, encoding: { kind: "index", names: ["Biscoe", "Dream"], impute: 1 } }] } };
  expect(inputsOf(embedded)[0]).toMatchObject({ start: "Biscoe" });
});

test("a row has numbers as numbers, words as words, and null where a field is empty", () => {
  const inputs = inputsOf(document);
  const values = { ...startOf(inputs), bill: "47.5", mass: "" };
  expect(rowOf(inputs, values)).toEqual({ island: "Dream", mass: null, bill: 47.5, tame: "true", seen: "1970-01-02T00:00" });
  expect(rowOf(inputs, { ...values, bill: "long" }).bill).toBe("long");
});

test("steps are round numbers of about a hundredth of the range", () => {
  expect([1, 27.5, 3600, 0.004].map(stepOf)).toEqual([0.01, 0.5, 50, 0.00005]);
  expect(stepOf(0)).toBe(1);
});

test("only small pictures with one channel can be drawn", () => {
  const picture = { kind: "array" as const, name: "image", top: 255, bright: false };
  expect(drawable({ ...picture, shape: [28, 28, 1] })).toBe(true);
  expect(drawable({ ...picture, shape: [32, 32, 3] })).toBe(false);
  expect(drawable({ ...picture, shape: [40, 3] })).toBe(false);
});

test("typed numbers are checked before they are sent", () => {
  const input = { kind: "array" as const, name: "x", shape: [2, 2], top: 1, bright: false };
  expect(arrayFault(input, "[[1, 2], [3, 4]]")).toBe(null);
  expect(arrayFault(input, "[1, 2, 3, 4]")).toBe(null);
  expect(arrayFault(input, "[1, 2, 3]")).toBe("length");
  expect(arrayFault(input, "[1, 2, 3, \"4\"]")).toBe("numbers");
  expect(arrayFault(input, "1, 2")).toBe("numbers");
});
