import { expect, test } from "vitest";
import type { Json } from "../../api/types";
import { isLog, settingsOf, short, suggested, textOf, valuesOf } from "./settings";

const spec: Json = {
  name: "x",
  dataset: "d",
  task: { kind: "classification", target: "y", preprocessing: { standardise: true } },
  network: [{ kind: "dense", units: 64, activation: "gelu" }, { kind: "dropout", rate: 0.3 }],
  optimizer: { kind: "adamw", learning_rate: 0.01, weight_decay: 0.3, schedule: null },
  training: { epochs: 100, batch_size: 32, seed: 7 },
};

test("the settings of a spec are its single values, without what is none of them", () => {
  const pointers = settingsOf(spec).map((setting) => setting.pointer);
  expect(pointers.slice(0, 3)).toEqual(["/optimizer/learning_rate", "/network/0/units", "/training/batch_size"]);
  expect(pointers).toContain("/task/preprocessing/standardise");
  for (const left of ["/name", "/dataset", "/task/target", "/training/seed", "/network/0/kind"]) expect(pointers).not.toContain(left);
});

test("keys are escaped as JSON Pointers are", () => {
  expect(settingsOf({ a: { "b/c~d": 1 } })[0]?.pointer).toBe("/a/b~1c~0d");
  expect(short("/a/b~1c~0d")).toBe("a b/c~d");
  expect(short("/network/0/units")).toBe("network 0 units");
});

test("a suggested range holds the value it began with", () => {
  for (const setting of settingsOf(spec)) {
    const domain = suggested(setting);
    if (domain.kind === "choice") expect(domain.values).toContain(setting.value);
    else expect(domain.low <= Number(setting.value) && Number(setting.value) <= domain.high, setting.pointer).toBe(true);
  }
  expect(suggested({ pointer: "/optimizer/learning_rate", value: 0.01 })).toEqual({ kind: "log_uniform", low: 0.00033, high: 0.3 });
  expect(suggested({ pointer: "/network/0/units", value: 64 })).toEqual({ kind: "integer", low: 16, high: 256, log: true });
  expect(isLog(suggested({ pointer: "/network/0/units", value: 64 }))).toBe(true);
});

test("values are typed as words or as JSON", () => {
  expect(valuesOf("relu, tanh")).toEqual(["relu", "tanh"]);
  expect(valuesOf("16, 32, true, null")).toEqual([16, 32, true, null]);
  expect(valuesOf('{"kind": "constant"}, [1, 2]')).toEqual([{ kind: "constant" }, [1, 2]]);
  expect(valuesOf("relu, 0.5")).toEqual(["relu", 0.5]);
  expect(valuesOf("")).toEqual([]);
  expect(textOf(["relu", 16, { a: 1 }])).toBe('relu, 16, {"a":1}');
});
