// Two-feature sets that a person can look at, made from a seed so that the same choice is the same set.

export const SETS = ["moons", "circles", "spiral", "xor", "and", "or", "nand"] as const;
export type SetName = (typeof SETS)[number];

/** Noise at which each set is still a task and no longer a drawing. */
export const NOISE: Record<SetName, number> = { moons: 0.14, circles: 0.08, spiral: 0.04, xor: 0.04, and: 0.12, or: 0.12, nand: 0.12 };

/** The classes; the server counts them in this, the alphabetical order. */
export const CLASSES = ["blue", "orange"] as const;

export interface Point {
  x: number;
  y: number;
  /** Index into `CLASSES`. */
  label: 0 | 1;
}

export interface ToySet {
  name: SetName;
  points: number;
  /** Standard deviation of the noise on both features. */
  noise: number;
  seed: number;
}

/** Random numbers in [0, 1) from a seed: mulberry32, 32 bits of state, good enough for a picture. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers by the Box-Muller transform. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Truth tables of the gates: the class of the corners (0,0), (0,1), (1,0), (1,1). */
const GATES: Record<"and" | "or" | "nand", readonly (0 | 1)[]> = { and: [0, 0, 0, 1], or: [0, 1, 1, 1], nand: [1, 1, 1, 0] };

/** The noiseless place and class of point `i`. */
function place(name: SetName, i: number, uniform: () => number): Point {
  const label = (i % 2) as 0 | 1;
  switch (name) {
    case "moons": {
      const angle = Math.PI * uniform();
      return label === 0 ? { x: Math.cos(angle) - 0.5, y: Math.sin(angle) - 0.25, label } : { x: 0.5 - Math.cos(angle), y: 0.25 - Math.sin(angle), label };
    }
    case "circles": {
      const angle = 2 * Math.PI * uniform();
      const radius = label === 0 ? 1 : 0.45;
      return { x: radius * Math.cos(angle), y: radius * Math.sin(angle), label };
    }
    case "spiral": {
      // Even in arc length, so that the outer turns are not thin.
      const turn = Math.sqrt(0.02 + 0.98 * uniform());
      const angle = 1.6 * 2 * Math.PI * turn + Math.PI * label;
      return { x: turn * Math.cos(angle), y: turn * Math.sin(angle), label };
    }
    case "xor": {
      const [x, y] = [2 * uniform() - 1, 2 * uniform() - 1];
      // A gap along the axes, so that the classes touch only through noise.
      const apart = (v: number) => v + (v < 0 ? -0.08 : 0.08);
      return { x: apart(x), y: apart(y), label: x < 0 === y < 0 ? 0 : 1 };
    }
    case "and":
    case "or":
    case "nand": {
      const corner = i % 4;
      return { x: corner >> 1, y: corner & 1, label: GATES[name][corner] as 0 | 1 };
    }
  }
}

export function make({ name, points, noise, seed }: ToySet): Point[] {
  const uniform = random(seed);
  return Array.from({ length: points }, (_, i) => {
    const { x, y, label } = place(name, i, uniform);
    return { x: x + noise * normal(uniform), y: y + noise * normal(uniform), label };
  });
}

/** The set as a table for the server. Four decimals keep a column of whole places a column of numbers. */
export function csv(points: Point[]): string {
  return `x,y,label\n${points.map((p) => `${p.x.toFixed(4)},${p.y.toFixed(4)},${CLASSES[p.label]}\n`).join("")}`;
}

/** What a dataset with this content is called; the same set is uploaded once. */
export function datasetName({ name, points, noise, seed }: ToySet): string {
  return `playground-${name}-${points}-${Math.round(noise * 100)}-${seed}`;
}

/** The square around all points, with a margin: `[low, high]` for both features. */
export function extent(points: Point[]): [number, number] {
  const all = points.flatMap((p) => [p.x, p.y]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = 0.12 * (high - low);
  return [low - margin, high + margin];
}
