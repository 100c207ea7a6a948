import { expect, test } from "vitest";
import { axesOf, within } from "./parallelaxes";

const rows = [
  { lr: 0.001, units: 8, how: "relu", loss: 0.5 },
  { lr: 0.1, units: 64, how: "tanh", loss: null },
  { lr: 10, units: 16, how: "relu", loss: 0.1 },
];
const axes = axesOf([{ key: "lr", label: "lr", log: true }, { key: "units", label: "units" }, { key: "how", label: "how" }, { key: "loss", label: "loss" }], rows, String);
const [lr, units, how, loss] = axes;

test("numbers stand on their scale, logarithmic or not, and names at even places", () => {
  expect(rows.map((row) => lr?.place(row.lr))).toEqual([0, expect.closeTo(0.5, 9), 1]);
  expect(units?.place(16)).toBeCloseTo(8 / 56, 9);
  expect(rows.map((row) => how?.place(row.how))).toEqual([0, 1, 0]);
  expect(how?.ticks.map((tick) => tick.text)).toEqual(["relu", "tanh"]);
});

test("what is not there has no place, and one value stands in the middle", () => {
  expect(loss?.place(null)).toBe(null);
  expect(axesOf([{ key: "a", label: "a" }], [{ a: 3 }, { a: 3 }], String)[0]?.place(3)).toBe(0.5);
});

test("a marked part of an axis keeps the rows that cross it", () => {
  const kept = (brushes: Record<string, [number, number]>) => rows.filter((row) => within(row, axes, brushes)).map((row) => row.units);
  expect(kept({})).toEqual([8, 64, 16]);
  expect(kept({ lr: [0.4, 1] })).toEqual([64, 16]);
  expect(kept({ lr: [0.4, 1], how: [0, 0.1] })).toEqual([16]);
  expect(kept({ loss: [0, 1] })).toEqual([8, 16]);
});
