import { expect, test } from "vitest";
import { covered, type Ink, numbersOf, picture } from "./ink";

/** A sheet with a filled rectangle of ink. */
function sheet(size: number, x0: number, y0: number, x1: number, y1: number): Ink {
  const values = new Float32Array(size * size);
  for (let y = y0; y < y1; y++) values.fill(1, y * size + x0, y * size + x1);
  return { width: size, height: size, values };
}

function extent(values: Float32Array, side: number) {
  const on = [...values.keys()].filter((i) => (values[i] as number) > 0.5);
  const xs = on.map((i) => i % side);
  const ys = on.map((i) => Math.floor(i / side));
  return { x: [Math.min(...xs), Math.max(...xs)], y: [Math.min(...ys), Math.max(...ys)] };
}

test("a drawing in a corner, small or large, comes out 20 pixels tall in the middle of 28", () => {
  for (const ink of [sheet(280, 10, 20, 20, 60), sheet(280, 100, 20, 160, 260)]) {
    const { x, y } = extent(picture(ink, 28, 28, true), 28);
    expect(y).toEqual([4, 23]);
    // As wide as it was in proportion: a quarter of the height.
    expect(x).toEqual([12, 15].map((n) => expect.closeTo(n, 0)));
  }
});

test("the centre of mass, not of the box, is in the middle", () => {
  const ink = sheet(100, 10, 10, 90, 20);
  for (let y = 20; y < 90; y++) ink.values.fill(1, y * 100 + 40, y * 100 + 60);
  const rows = picture(ink, 28, 28, true);
  const mass = [...rows.keys()].reduce((sum, i) => sum + (rows[i] as number) * (Math.floor(i / 28) + 0.5), 0) / rows.reduce((a, b) => a + b, 0);
  expect(mass).toBeCloseTo(14, 1);
});

test("no ink falls over the edge, however heavy one end is", () => {
  const ink = sheet(100, 10, 10, 90, 20);
  for (let y = 20; y < 90; y++) ink.values[y * 100 + 50] = 1;
  const out = picture(ink, 28, 28, true);
  const kept = out.reduce((a, b) => a + b, 0) * 4 * 4; // a pixel is 4 by 4 of the sheet: 80 / 20
  expect(kept).toBeCloseTo(10 * 80 + 70, 0);
});

test("without centring the sheet is only made smaller, and its ink is kept", () => {
  const ink = sheet(56, 0, 0, 2, 2);
  const out = picture(ink, 28, 28, false);
  expect(out[0]).toBe(1);
  expect(out.reduce((a, b) => a + b, 0)).toBe(1);
});

test("an empty sheet is an empty picture", () => {
  expect(picture(sheet(28, 0, 0, 0, 0), 28, 28, true).every((n) => n === 0)).toBe(true);
});

test("ink has the polarity and the units of the training file", () => {
  const amounts = Float32Array.of(0, 0.5, 1);
  expect(numbersOf(amounts, 255, false)).toEqual([0, 128, 255]);
  expect(numbersOf(amounts, 255, true)).toEqual([255, 128, 0]);
  expect(numbersOf(amounts, 1, false)).toEqual([0, 0.5, 1]);
});

test("a square is laid over every part of the picture once", () => {
  const all = covered(new Float32Array(6 * 6).fill(1), 6, 6, 4);
  expect(all.map((p) => p.filter((n) => n === 0).length)).toEqual([16, 8, 8, 4]);
});
