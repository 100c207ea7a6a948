import { useEffect, useRef } from "preact/hooks";
import { colour, theme } from "../../theme";
import { paint, scale } from "./colours";
import type { Point } from "./toysets";

interface MapProps {
  label: string;
  /** `side` times `side` numbers, the top row first. */
  values: ArrayLike<number> | null;
  side: number;
  /** The number that has the full colour. */
  full: number;
}

/** One function of the plane as a small picture. */
export function Map({ label, values, side, full }: MapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const now = theme.value;
  useEffect(() => {
    if (!canvas.current) return;
    if (values) paint(canvas.current, values, side, scale(), full);
    else canvas.current.getContext("2d")?.clearRect(0, 0, side, side);
  }, [values, side, full, now]);
  return <canvas ref={canvas} width={side} height={side} role="img" aria-label={label} />;
}

/** The points of a set; those of the second class are also told apart by their shape. */
export function Points({ points, low, high, size }: { points: Point[]; low: number; high: number; size: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const now = theme.value;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const ratio = Math.min(2, devicePixelRatio);
    element.width = element.height = size * ratio;
    context.scale(ratio, ratio);
    context.clearRect(0, 0, size, size);
    const radius = Math.max(1.6, size / 95);
    context.lineWidth = size > 100 ? 1 : 0;
    context.strokeStyle = colour("--surface");
    for (const { x, y, label } of points) {
      const [px, py] = [((x - low) / (high - low)) * size, (1 - (y - low) / (high - low)) * size];
      context.fillStyle = colour(label === 0 ? "--series-1" : "--series-2");
      context.beginPath();
      if (label === 0) context.arc(px, py, radius, 0, 2 * Math.PI);
      else context.rect(px - radius * 0.9, py - radius * 0.9, radius * 1.8, radius * 1.8);
      context.fill();
      if (context.lineWidth > 0 && size > 100) context.stroke();
    }
  }, [points, low, high, size, now]);
  return <canvas ref={canvas} class="points" aria-hidden="true" />;
}
