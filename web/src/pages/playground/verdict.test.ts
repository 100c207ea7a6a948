import { expect, test } from "vitest";
import { verdict } from "./verdict";

const see = (losses: (number | null)[], codes: string[] = [], status = "succeeded") => verdict({ start: 0.7, losses, codes, status });
const epochs = (f: (i: number) => number, n = 60) => Array.from({ length: n }, (_, i) => f(i));

test("a loss that falls and flattens converges, also to a high floor", () => {
  expect(see(epochs((i) => 0.7 * Math.exp(-i / 8) + 0.02))).toBe("converging");
  expect(see(epochs((i) => 0.05 * Math.exp(-i / 3) + 0.65))).toBe("converging");
});

test("a loss that is hardly lower and still going down crawls", () => {
  expect(see(epochs((i) => 0.7 - 0.0004 * i))).toBe("crawling");
  expect(see(epochs((i) => 0.7 - 0.000001 * i))).toBe("crawling");
});

test("jumps that win nothing oscillate; noise on a small loss does not", () => {
  expect(see(epochs((i) => 0.6 + (i % 2 ? 0.15 : -0.15)))).toBe("oscillating");
  expect(see(epochs((i) => (i < 10 ? 0.7 - 0.06 * i : 0.02 + (i % 2 ? 0.005 : 0))))).toBe("converging");
  expect(see(epochs((i) => 0.7 * Math.exp(-i / 8) + 0.02), ["oscillating"])).toBe("oscillating");
});

test("growth, numbers that are none, and the server's word for it diverge", () => {
  expect(see(epochs((i) => 0.7 * 1.2 ** i))).toBe("diverging");
  expect(see(epochs((i) => 4 + (i % 3)))).toBe("diverging");
  expect(see([0.7, 3, null], [], "failed")).toBe("diverging");
  expect(see([0.7, 3], ["diverged"], "failed")).toBe("diverging");
});

test("nothing is said too early", () => {
  expect(see([0.7, 0.6], [], "running")).toBe(null);
});
