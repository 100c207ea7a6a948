import { expect, test } from "vitest";
import type { Run } from "../../api/types";
import { differences, shown } from "./differences";

const run = (spec: object) => ({ spec: {}, resolved_spec: spec, dataset: { id: "01a2" } }) as unknown as Run;

test("a dataset that is named in two ways is one", () => {
  expect(differences([run({ dataset: "penguins" }), run({ dataset: "01a2" })])).toEqual([]);
});

test("only what is not the same everywhere is a difference", () => {
  const found = differences([
    run({ name: "a", optimizer: { kind: "sgd", learning_rate: 0.1 }, training: { epochs: 3 }, network: [{ kind: "dense", units: 8 }] }),
    run({ name: "b", optimizer: { kind: "adam", learning_rate: 0.1, beta1: 0.9 }, training: { epochs: 3 }, network: [{ kind: "dense", units: 16 }] }),
  ]);
  expect(found.map((one) => one.pointer)).toEqual(["/optimizer/kind", "/network", "/optimizer/beta1"]);
  expect(found[2]?.values).toEqual([undefined, 0.9]);
});

test("a network is one line", () => {
  expect(shown([{ kind: "dense", units: 8 }, { kind: "dropout", rate: 0.2 }, { kind: "flatten" }])).toBe("dense 8 → dropout 0.2 → flatten");
});
