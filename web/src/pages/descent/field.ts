// The surface as a function of the plane: its height at any place, its slope, its levels, and which colour a height has.
import { contours } from "d3-contour";
import { interpolateViridis } from "d3-scale-chromatic";
import type { Surface } from "../../api/types";

/** A surface ready to be drawn: heights without gaps. */
export interface Field {
  x: number[];
  y: number[];
  /** `height[j * x.length + i]` belongs to `x[i]` and `y[j]`; what was not finite is as high as the highest. */
  height: Float64Array;
  low: number;
  high: number;
  log: boolean;
}

/** A loss as a height. Logarithmic heights show the floor of a valley whose walls are a thousand times as high. */
function raised(loss: number, log: boolean, low: number, high: number): number {
  if (!log) return loss;
  // Losses at or below zero have no logarithm; they are measured from a hundredth of the range below the lowest.
  return low > 0 ? Math.log10(loss) : Math.log10(loss - low + 0.01 * (high - low || 1));
}

export function fieldOf({ x, y, loss }: Surface, log: boolean): Field {
  const finite = loss.flat().filter((value): value is number => value !== null);
  const [least, most] = finite.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const [low, high] = finite.length > 0 ? [least, most] : [0, 1];
  const height = Float64Array.from(loss.flat(), (value) => raised(value ?? high, log, low, high));
  return { x, y, height, low: raised(low, log, low, high), high: raised(high, log, low, high), log };
}

/** Index of the cell left of `value` and how far into it, both within the axis. */
function cell(axis: number[], value: number): [number, number] {
  const [first = 0, last = 0] = [axis[0], axis.at(-1)];
  const place = last > first ? ((value - first) / (last - first)) * (axis.length - 1) : 0;
  const idx = Math.min(Math.max(0, axis.length - 2), Math.max(0, Math.floor(place)));
  return [idx, Math.min(1, Math.max(0, place - idx))];
}

/** The height at a place, between the four around it; beyond the edge that of the edge. */
export function heightAt({ x, y, height }: Field, px: number, py: number): number {
  const [i, u] = cell(x, px);
  const [j, v] = cell(y, py);
  const at = (a: number, b: number) => height[Math.min(y.length - 1, b) * x.length + Math.min(x.length - 1, a)] as number;
  return (at(i, j) * (1 - u) + at(i + 1, j) * u) * (1 - v) + (at(i, j + 1) * (1 - u) + at(i + 1, j + 1) * u) * v;
}

/** Between 0 (lowest) and 1 (highest). */
export function share({ low, high }: Field, height: number): number {
  return high > low ? Math.min(1, Math.max(0, (height - low) / (high - low))) : 0;
}

/** Where a place lies between the edges of the surface, both from 0 to 1. */
export function unit({ x, y }: Field, px: number, py: number): [number, number] {
  const part = (axis: number[], value: number) => ((value - (axis[0] ?? 0)) / ((axis.at(-1) ?? 1) - (axis[0] ?? 0) || 1));
  return [part(x, px), part(y, py)];
}

export interface Level {
  value: number;
  /** Lines in units of the surface's sides, from 0 to 1. */
  lines: [number, number][][];
}

/** Lines of equal height (marching squares), evenly spaced between the lowest and the highest. */
export function levels(field: Field, count: number): Level[] {
  const [columns, rows] = [field.x.length, field.y.length];
  const values = Array.from({ length: count }, (_, i) => field.low + ((i + 1) * (field.high - field.low)) / (count + 1));
  const made = contours().size([columns, rows]).thresholds(values)(Array.from(field.height));
  return made.map(({ value, coordinates }) => ({
    value,
    // The library puts a sample in the middle of its cell, half a cell from the edge.
    lines: coordinates.flat().flatMap((ring) => inside(ring.map(([a = 0, b = 0]): [number, number] => [(a - 0.5) / (columns - 1), (b - 0.5) / (rows - 1)]))),
  }));
}

/** The parts of a ring within the surface: where a level leaves it, the library closes the ring around the edge. */
function inside(ring: [number, number][]): [number, number][][] {
  const within = ([u, v]: [number, number]) => Math.min(u, v) >= -1e-9 && Math.max(u, v) <= 1 + 1e-9;
  const parts: [number, number][][] = [[]];
  for (const place of ring) {
    if (within(place)) parts.at(-1)?.push(place);
    else if (parts.at(-1)?.length) parts.push([]);
  }
  const [first, last] = [parts[0], parts.at(-1)];
  // A ring ends where it began; a part that was cut there is one.
  if (parts.length > 1 && first?.length && last?.length) parts[0] = [...(parts.pop() ?? []), ...first.slice(1)];
  return parts.filter((part) => part.length > 1);
}

/** The loss that a height stands for. */
export function lossOf(surface: Surface, field: Field, height: number): number {
  if (!field.log) return height;
  const finite = surface.loss.flat().filter((value): value is number => value !== null);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  return low > 0 ? 10 ** height : 10 ** height + low - 0.01 * (high - low || 1);
}

/** Colours of 256 heights, red, green, blue from 0 to 1: viridis, even in brightness and readable without colour vision. */
export const COLOURS: readonly [number, number, number][] = Array.from({ length: 256 }, (_, i) => {
  const hex = interpolateViridis(i / 255);
  const n = Number.parseInt(hex.slice(1), 16);
  return [(n >> 16) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
});

export function colourOf(part: number): readonly [number, number, number] {
  return COLOURS[Math.round(255 * Math.min(1, Math.max(0, part)))] as readonly [number, number, number];
}
