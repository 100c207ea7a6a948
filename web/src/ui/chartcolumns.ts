// Lines of many points, drawn as one bar for each column of pixels. A line that is wider than a pixel is an outline to be filled, and where it
// goes up and down at every pixel that takes a browser without a GPU fifty times as long for the same picture.
import type uPlot from "uplot";

/** Where values lie: pixels to the right of `xMin` and below `yMax`. */
export interface Frame {
  width: number;
  xMin: number;
  perX: number;
  yMax: number;
  perY: number;
  log: boolean;
}

/** What a line covers of each column of pixels, downwards from `top` to `bottom`; where it does not come, `top` lies below `bottom`. */
export interface Columns {
  top: Float64Array;
  bottom: Float64Array;
}

/** The columns of the line through the points `from..=to`, whose `xs` ascend; what is null is passed over. */
export function columns(xs: ArrayLike<number>, ys: ArrayLike<number | null>, from: number, to: number, { width, xMin, perX, yMax, perY, log }: Frame): Columns {
  const top = new Float64Array(width).fill(Infinity);
  const bottom = new Float64Array(width).fill(-Infinity);
  let x0 = NaN;
  let y0 = NaN;
  for (let idx = from; idx <= to; idx++) {
    const value = ys[idx] as number | null;
    if (value === null) continue;
    const x1 = ((xs[idx] as number) - xMin) * perX;
    const y1 = (yMax - (log ? Math.log10(value) : value)) * perY;
    // In all columns that the line comes through on its way: where it enters and where it leaves.
    const first = Math.max(Math.floor(x0 < x1 ? x0 : x1), 0);
    const last = Math.min(Math.floor(x1), width - 1);
    const slope = x0 < x1 ? (y1 - y0) / (x1 - x0) : 0;
    for (let column = first; column <= last; column++) {
      const enters = column > x0 ? y0 + slope * (column - x0) : x0 <= x1 ? y0 : y1;
      const leaves = column + 1 < x1 ? y0 + slope * (column + 1 - x0) : y1;
      top[column] = Math.min(top[column] as number, enters, leaves);
      bottom[column] = Math.max(bottom[column] as number, enters, leaves);
    }
    x0 = x1;
    y0 = y1;
  }
  return { top, bottom };
}

/** Draws a series of a plot in its columns; `dash` is how many of them are drawn and how many are left out, in turn. */
export function drawColumns(plot: uPlot, seriesIdx: number, from: number, to: number, stroke: string, thickness: number, dash?: [number, number]): void {
  const { ctx, bbox, data } = plot;
  const { min: xMin = 0, max: xMax = 1 } = plot.scales.x ?? {};
  const { min: low = 0, max: high = 1, distr } = plot.scales.y ?? {};
  const log = distr === 3;
  const [yMin, yMax] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  const frame = { width: Math.floor(bbox.width), xMin, perX: bbox.width / (xMax - xMin), yMax, perY: bbox.height / (yMax - yMin), log };
  const { top, bottom } = columns(data[0], data[seriesIdx] as ArrayLike<number | null>, from, to, frame);
  ctx.save();
  ctx.fillStyle = stroke;
  for (let column = 0; column < frame.width; column++) {
    const height = (bottom[column] as number) - (top[column] as number);
    if (height < 0 || (dash && column % (dash[0] + dash[1]) >= dash[0])) continue;
    ctx.fillRect(bbox.left + column, bbox.top + (top[column] as number) - thickness / 2, 1, height + thickness);
  }
  ctx.restore();
}
