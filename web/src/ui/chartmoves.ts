// Moving about in a chart: by buttons, wheel, keys, and by dragging with Shift (dragging alone selects a part).
import type uPlot from "uplot";

function extent(plot: uPlot): [number, number] {
  const xs = plot.data[0];
  return [xs[0] ?? 0, xs[xs.length - 1] ?? 1];
}

/** Shows `by` times as much around `centre`; null shows everything. */
export function zoom(plot: uPlot, by: number | null, centre?: number): void {
  const [first, last] = extent(plot);
  const { min = first, max = last } = plot.scales.x ?? {};
  if (by === null) return plot.setScale("x", { min: first, max: last });
  const middle = centre ?? (min + max) / 2;
  place(plot, middle - (middle - min) * by, middle + (max - middle) * by);
}

/** Moves by a share of what is in sight. */
function shift(plot: uPlot, share: number): void {
  const { min = 0, max = 1 } = plot.scales.x ?? {};
  const by = (max - min) * share;
  place(plot, min + by, max + by);
}

/** Shows `min..max`, kept within the data. */
function place(plot: uPlot, min: number, max: number): void {
  const [first, last] = extent(plot);
  const width = Math.min(max - min, last - first);
  const from = Math.min(Math.max(min, first), last - width);
  plot.setScale("x", { min: from, max: from + width });
}

export function keys(plot: uPlot, event: KeyboardEvent): void {
  const moves: Record<string, () => void> = {
    ArrowLeft: () => shift(plot, -0.2),
    ArrowRight: () => shift(plot, 0.2),
    "+": () => zoom(plot, 0.5),
    "-": () => zoom(plot, 2),
    "0": () => zoom(plot, null),
  };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  move();
}

/** Shift and drag: the chart follows the pointer, once per frame. */
export function pan(plot: uPlot, event: PointerEvent): void {
  if (!event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  event.stopPropagation();
  // The cursor, and the numbers beside it, stand still meanwhile.
  (event.currentTarget as Element).setPointerCapture(event.pointerId);
  const { min = 0, max = 1 } = plot.scales.x ?? {};
  const perPixel = (max - min) / plot.over.clientWidth;
  const start = event.clientX;
  let now = start;
  let frame = 0;
  const draw = () => {
    frame = 0;
    const by = (start - now) * perPixel;
    place(plot, min + by, max + by);
  };
  const moved = (e: PointerEvent) => {
    now = e.clientX;
    frame ||= requestAnimationFrame(draw);
  };
  const done = () => {
    removeEventListener("pointermove", moved);
    removeEventListener("pointerup", done);
    removeEventListener("pointercancel", done);
  };
  addEventListener("pointermove", moved);
  addEventListener("pointerup", done);
  addEventListener("pointercancel", done);
}

/** Ctrl or Cmd with the wheel zooms around the pointer; the wheel alone scrolls the page. */
export function wheelZoom(plot: uPlot): void {
  plot.over.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const left = event.clientX - plot.over.getBoundingClientRect().left;
      zoom(plot, event.deltaY > 0 ? 1.25 : 0.8, plot.posToVal(left, "x"));
    },
    { passive: false },
  );
}
