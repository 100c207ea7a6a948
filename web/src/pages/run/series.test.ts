import { expect, test } from "vitest";
import type { RunEvent } from "../../live/events";
import { align, append, smooth } from "./series";

const event = (steps: number[], values: number[]): RunEvent => ({ run_id: "r", seq: 1, type: "metric", ts: "", step: null, series: [{ name: "loss", steps, values }] });

test("events add only what lies behind what was read", () => {
  const read = new Map([["loss", { steps: [1, 2, 3], values: [9, 8, 7] }]]);
  const next = append(read, [event([2, 3, 4], [0, 0, 6]), event([5], [5])]);
  expect(next.get("loss")).toEqual({ steps: [1, 2, 3, 4, 5], values: [9, 8, 7, 6, 5] });
  expect(read.get("loss")?.steps).toEqual([1, 2, 3]);
  expect(append(next, [event([1, 5], [0, 0])])).toBe(next);
});

test("series of steps and of epochs share one axis", () => {
  const { x, values } = align([{ steps: [1, 2, 3], values: [3, 2, null] }, { steps: [3, 6], values: [2.5, 1] }]);
  expect(x).toEqual([1, 2, 3, 6]);
  expect(values).toEqual([[3, 2, null, null], [null, null, 2.5, 1]]);
});

test("smoothing keeps a constant from its first point on, and keeps gaps", () => {
  for (const value of smooth([4, 4, null, 4], 0.9)) if (value !== null) expect(value).toBeCloseTo(4, 12);
  expect(smooth([1, null], 0.5)[1]).toBeNull();
  const [, second] = smooth([0, 1], 0.5);
  expect(second).toBeCloseTo(2 / 3, 12);
});
