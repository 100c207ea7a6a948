import { expect, test } from "vitest";
import type { Surface } from "../../api/types";
import { colourOf, fieldOf, heightAt, levels, lossOf, share, unit } from "./field";
import { framesOf, inStep, type Path, slopeAt } from "./path";

const axis = (n: number, from: number, to: number) => Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1));

/** x² + 4 y² + 0.1 on -2..2 by -1..1. */
function bowl(n = 41): Surface {
  const [x, y] = [axis(n, -2, 2), axis(n, -1, 1)];
  return { x, y, loss: y.map((b) => x.map((a) => a * a + 4 * b * b + 0.1)) };
}

test("heights between places are those of the function, and beyond the edge those of the edge", () => {
  const field = fieldOf(bowl(), false);
  expect(heightAt(field, 0, 0)).toBeCloseTo(0.1, 12);
  expect(heightAt(field, 0.53, -0.27)).toBeCloseTo(0.53 ** 2 + 4 * 0.27 ** 2 + 0.1, 1);
  expect(heightAt(field, 99, 0)).toBeCloseTo(4.1, 12);
  expect([field.low, field.high]).toEqual([expect.closeTo(0.1, 12), expect.closeTo(8.1, 12)]);
});

test("logarithmic heights turn back into losses, also where a loss is not positive", () => {
  for (const down of [0, 0.1, 3]) {
    const surface = bowl();
    surface.loss = surface.loss.map((row) => row.map((value) => (value as number) - down));
    const field = fieldOf(surface, true);
    expect(lossOf(surface, field, heightAt(field, 1, 0.5))).toBeCloseTo(2.1 - down, 6);
  }
});

test("what is not finite stands as high as the highest", () => {
  const surface = bowl();
  (surface.loss[0] as (number | null)[])[0] = null;
  expect(fieldOf(surface, false).height[0]).toBeCloseTo(8.1, 1);
  expect(fieldOf({ ...surface, loss: surface.loss.map((row) => row.map(() => null)) }, true).high).toBeTypeOf("number");
});

test("a line of equal height has that height at each of its places", () => {
  const field = fieldOf(bowl(), false);
  const [first] = levels(field, 7);
  expect(first?.value).toBeCloseTo(0.1 + 1, 12);
  expect(first?.lines).toHaveLength(1);
  for (const [u, v] of first?.lines[0] ?? []) expect(heightAt(field, -2 + 4 * u, -1 + 2 * v)).toBeCloseTo(1.1, 1);
  // A level that leaves the surface is open: it does not run along the edge.
  const last = levels(field, 7).at(-1);
  expect(last?.lines).toHaveLength(4);
  for (const [u, v] of last?.lines.flat() ?? []) expect(heightAt(field, -2 + 4 * u, -1 + 2 * v)).toBeCloseTo(7.1, 1);
});

test("places and heights are parts of their ranges, colours go from dark to bright", () => {
  const field = fieldOf(bowl(), false);
  expect(unit(field, 1, 0)).toEqual([0.75, 0.5]);
  expect(share(field, 4.1)).toBeCloseTo(0.5, 12);
  const bright = ([r, g, b]: readonly [number, number, number]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const all = axis(32, 0, 1).map((part) => bright(colourOf(part)));
  expect(all).toEqual([...all].sort((a, b) => a - b));
});

const point = (step: number, x: number, y: number) => ({ step, epoch: 1, x, y });

test("the slope is the measured one, or that of the loss under the drawn surface", () => {
  for (const log of [false, true]) {
    const slope = slopeAt(fieldOf(bowl(81), log), log, point(0, 1, -0.5));
    expect(slope?.x).toBeCloseTo(2, 1);
    expect(slope?.y).toBeCloseTo(-4, 1);
    expect(slope?.measured).toBe(false);
  }
  expect(slopeAt(fieldOf(bowl(), false), false, { ...point(0, 1, 1), gradient_x: 7, gradient_y: -7 })).toEqual({ x: 7, y: -7, measured: true });
});

test("runs that race are shown at the same number of steps", () => {
  const path = (run_id: string, steps: number[]): Path => ({ run_id, points: steps.map((step) => point(step, 0, 0)) });
  const paths = [path("a", [0, 10, 20, 30, 40]), path("b", [0, 20, 40, 60, 80])];
  expect(framesOf(paths)).toBe(5);
  expect(inStep(paths, 2, 5)).toEqual([4, 2]);
  expect(inStep(paths, 4, 5)).toEqual([4, 4]);
  expect(inStep([path("a", [0, 7, 9])], 1, 3)).toEqual([1]);
});
