import { expect, test } from "vitest";
import type { SweepResult } from "../../api/types";
import { merits } from "./merits";

const results = [0.5, 0.1, null, 900].map((value, number) => ({ number, value }) as unknown as SweepResult);

test("merit is the rank, best 1 and worst 0, whichever way is better", () => {
  expect([...merits(results, "minimize")].sort()).toEqual([[0, 0.5], [1, 1], [3, 0]]);
  expect([...merits(results, "maximize")].sort()).toEqual([[0, 0.5], [1, 0], [3, 1]]);
  expect(merits([{ number: 7, value: 1 } as SweepResult], "minimize").get(7)).toBe(1);
});
