// The path of a ball over the surface: where it is, which way is down, and two of them in step.
import type { Landscape } from "../../api/types";
import { type Field, heightAt } from "./field";

export type Path = NonNullable<Landscape["paths"]>[number];
export type PathPoint = Path["points"][number];

/** The slope of the surface under a point: the server's own where it measured one, else that of the drawn surface. */
export interface Slope {
  x: number;
  y: number;
  measured: boolean;
}

export function slopeAt(field: Field, surfaceIsLog: boolean, point: PathPoint): Slope | null {
  if (point.gradient_x != null && point.gradient_y != null) return { x: point.gradient_x, y: point.gradient_y, measured: true };
  if (field.y.length < 2) return null;
  const step = (axis: number[]) => ((axis.at(-1) ?? 1) - (axis[0] ?? 0)) / (axis.length - 1);
  const [dx, dy] = [step(field.x), step(field.y)];
  // The loss, not its logarithm, has the slope that training follows.
  const loss = (x: number, y: number) => (surfaceIsLog ? 10 ** heightAt(field, x, y) : heightAt(field, x, y));
  return {
    x: (loss(point.x + dx / 2, point.y) - loss(point.x - dx / 2, point.y)) / dx,
    y: (loss(point.x, point.y + dy / 2) - loss(point.x, point.y - dy / 2)) / dy,
    measured: false,
  };
}

/** The points in sight at frame `at` of `frames`: runs that race are compared at the same number of steps. */
export function inStep(paths: Path[], at: number, frames: number): number[] {
  const last = Math.max(0, ...paths.map((path) => path.points.at(-1)?.step ?? 0));
  const step = frames > 1 ? (at / (frames - 1)) * last : 0;
  return paths.map(({ points }) => {
    if (paths.length === 1) return Math.min(at, Math.max(0, points.length - 1));
    let idx = 0;
    while (idx + 1 < points.length && (points[idx + 1] as PathPoint).step <= step) idx++;
    return idx;
  });
}

/** Frames that show every point of the longest path. */
export function framesOf(paths: Path[]): number {
  return Math.max(0, ...paths.map((path) => path.points.length));
}
