import { expect, test } from "vitest";
import { lossLines } from "./losses";

const series = (values: (number | null)[]) => ({ steps: values.map((_, i) => 10 * (i + 1)), values });

test("the mark stands on the last epoch that was over at the step in sight", () => {
  const { x, here } = lossLines(series([0.7, 0.5, 0.4]), series([0.8, 0.6, 0.5]), 25);
  expect(x).toEqual([10, 20, 30]);
  expect(here).toEqual([null, 0.5, null]);
});

test("long runs are thinned, and their last epoch stays", () => {
  const values = Array.from({ length: 2001 }, (_, i) => 1 / (i + 1));
  const { x, trained, validated } = lossLines(series(values), { steps: [20010], values: [0.1] }, 0);
  expect(x.length).toBeLessThanOrEqual(502);
  expect([x.at(-1), trained.at(-1), validated.at(-1)]).toEqual([20010, 1 / 2001, 0.1]);
});
