import { expect, test } from "vitest";
import { CLASSES, csv, datasetName, extent, make, SETS } from "./toysets";

const of = (name: (typeof SETS)[number], noise = 0) => make({ name, points: 400, noise, seed: 3 });

test("the same choice is the same set, another seed another one", () => {
  expect(make({ name: "spiral", points: 50, noise: 0.1, seed: 3 })).toEqual(make({ name: "spiral", points: 50, noise: 0.1, seed: 3 }));
  expect(of("moons")).not.toEqual(make({ name: "moons", points: 400, noise: 0, seed: 4 }));
});

test("every set has both classes, and noise of the size that was asked for", () => {
  for (const name of SETS) {
    const clean = of(name);
    expect(new Set(clean.map((p) => p.label))).toEqual(new Set([0, 1]));
    if (name === "and" || name === "or" || name === "nand") {
      const noisy = of(name, 0.1);
      const squares = noisy.map((p, i) => (p.x - (clean[i] as { x: number }).x) ** 2);
      expect(Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length)).toBeCloseTo(0.1, 1);
    }
  }
});

test("gates are their truth tables and xor is the one no line can split", () => {
  const table = (name: "and" | "or" | "nand") => [...new Set(of(name).map((p) => `${p.x}${p.y}${p.label}`))].sort();
  expect(table("and")).toEqual(["000", "010", "100", "111"]);
  expect(table("or")).toEqual(["000", "011", "101", "111"]);
  expect(table("nand")).toEqual(["001", "011", "101", "110"]);
  for (const p of of("xor")) expect(p.label).toBe(p.x < 0 === p.y < 0 ? 0 : 1);
});

test("circles have their radii", () => {
  for (const p of of("circles")) expect(Math.hypot(p.x, p.y)).toBeCloseTo(p.label === 0 ? 1 : 0.45, 6);
});

test("the table has a header and names the classes", () => {
  expect(csv([{ x: 0.12345, y: -1, label: 1 }])).toBe(`x,y,label\n0.1235,-1.0000,${CLASSES[1]}\n`);
  expect(datasetName({ name: "xor", points: 300, noise: 0.15, seed: 2 })).toBe("playground-xor-300-15-2");
});

test("the square holds every point", () => {
  const points = of("moons", 0.2);
  const [low, high] = extent(points);
  for (const p of points) for (const v of [p.x, p.y]) expect(v > low && v < high).toBe(true);
});
