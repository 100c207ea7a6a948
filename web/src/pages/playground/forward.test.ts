import { expect, test } from "vitest";
import { activations, evaluable, grid, type Layer, second } from "./forward";

const inputs = [{ name: "x", mean: 1, scale: 2 }, { name: "y", mean: 0, scale: 1 }];
/** Two inputs, two hidden units, two classes. */
const layers = (activation: string): Layer[] => [
  { kind: "dense", n_inputs: 2, n_outputs: 2, weight_offset: 0, bias_offset: 4, activation, constant: 0.1 },
  { kind: "dense", n_inputs: 2, n_outputs: 2, weight_offset: 6, bias_offset: 10, activation: "softmax" },
];
const weights = [1, 2, 3, -4, 0.5, -0.5, 1, 0, 0, 1, 0, 0];

test("rows are scaled, multiplied and bent as the formula says", () => {
  // (3 - 1) / 2 = 1 and 1: unit 0 has 1 + 3 + 0.5, unit 1 has 2 - 4 - 0.5.
  const [hidden, out] = activations(inputs, layers("relu"), weights, [3, 1]);
  expect([...(hidden as Float64Array)]).toEqual([4.5, 0]);
  const p = Math.exp(0) / (Math.exp(4.5) + Math.exp(0));
  expect([...(out as Float64Array)]).toEqual([expect.closeTo(1 - p, 12), expect.closeTo(p, 12)]);
  expect([...second(out as Float64Array, 2)]).toEqual([expect.closeTo(p, 12)]);
});

test("each function has its known values", () => {
  const known: [string, number, number][] = [["leaky_relu", 4.5, -0.25], ["elu", 4.5, 0.1 * Math.expm1(-2.5)], ["tanh", Math.tanh(4.5), Math.tanh(-2.5)], ["sigmoid", 1 / (1 + Math.exp(-4.5)), 1 / (1 + Math.exp(2.5))], ["silu", 4.5 / (1 + Math.exp(-4.5)), -2.5 / (1 + Math.exp(2.5))], ["softplus", Math.log1p(Math.exp(4.5)), Math.log1p(Math.exp(-2.5))], ["gelu", 4.499985, -0.0155238]];
  for (const [name, a, b] of known) {
    const [hidden] = activations(inputs, layers(name), weights, [3, 1]);
    expect((hidden as Float64Array)[0], name).toBeCloseTo(a, 5);
    expect((hidden as Float64Array)[1], name).toBeCloseTo(b, 5);
  }
});

test("large numbers stay finite in softmax, and a single output is the second class", () => {
  const [, out] = activations(inputs, layers("relu"), weights.map((w) => w * 1000), [3, 1]);
  expect([...(out as Float64Array)]).toEqual([1, 0]);
  expect([...second(Float64Array.of(0.2, 0.7), 1)]).toEqual([0.2, 0.7]);
});

test("a layer that is only a function keeps its numbers", () => {
  const only: Layer[] = [{ kind: "activation", n_inputs: 2, n_outputs: 2, activation: "tanh" }];
  const [out] = activations([{ name: "x", mean: 0, scale: 1 }, { name: "y", mean: 0, scale: 1 }], only, [], [0.5, -0.5]);
  expect([...(out as Float64Array)]).toEqual([Math.tanh(0.5), Math.tanh(-0.5)]);
});

test("what the page cannot evaluate is known before", () => {
  expect(evaluable(layers("relu"))).toBe(true);
  expect(evaluable(layers("maxout"))).toBe(false);
});

test("the grid's first place is the top left corner", () => {
  const all = grid(4, -2, 2);
  expect([...all.subarray(0, 4)]).toEqual([-1.5, 1.5, -0.5, 1.5]);
  expect([...all.subarray(30)]).toEqual([1.5, -1.5]);
});
