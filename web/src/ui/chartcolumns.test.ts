import { expect, test } from "vitest";
import { type Frame, columns } from "./chartcolumns";

/** One pixel for each unit, downwards from 10. */
const FRAME: Frame = { width: 4, xMin: 0, perX: 1, yMax: 10, perY: 1, log: false };

test("a column has the lowest and the highest of its points, and meets its neighbours", () => {
  const { top, bottom } = columns([0.25, 0.5, 0.75, 1.25, 3.5], [5, 9, 1, 3, 3], 0, 4, FRAME);
  // The line comes down from 9 to 1, and is halfway up to 3 where the next column begins.
  expect([...top]).toEqual([1, 7, 7, 7]);
  expect([...bottom]).toEqual([9, 8, 7, 7]);
});

test("what lies outside is cut off, what is missing is passed over", () => {
  const { top, bottom } = columns([-2, 1, 2, 6], [0, null, 8, 8], 0, 3, FRAME);
  expect([...bottom]).toEqual([6, 4, 2, 2]);
  expect([...top]).toEqual([4, 2, 2, 2]);
  const alone = columns([2.5], [4], 0, 0, FRAME);
  expect([alone.top[2], alone.bottom[2], alone.top[1]]).toEqual([6, 6, Infinity]);
});

test("a logarithmic axis has equal ways for equal ratios", () => {
  const { top } = columns([0.5, 1.5, 2.5], [100, 10, 1], 0, 2, { ...FRAME, yMax: 2 });
  expect(top[0]).toBe(-98);
  const log = columns([0.5, 1.5, 2.5], [100, 10, 1], 0, 2, { ...FRAME, yMax: 2, log: true });
  expect([log.top[0], log.top[1], log.bottom[2]]).toEqual([0, 0.5, 2]);
});
