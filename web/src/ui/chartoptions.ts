// How uPlot is told to draw: colours from the tokens, logarithmic axes, one cursor over several charts.
import uPlot from "uplot";
import { compact, number } from "../format";
import { colour } from "../theme";
import type { Line } from "./Chart";
import { drawColumns } from "./chartcolumns";
import { wheelZoom } from "./chartmoves";

export interface ChartOptions {
  /** A logarithmic vertical axis; what is not positive is not drawn. */
  log?: boolean;
  xLabel?: string;
  yLabel?: string;
  /** Charts with the same word share their cursor. */
  sync?: string;
}

interface Making extends ChartOptions {
  width: number;
  height: number;
  lines: Line[];
  onCursor: (idx: number | null) => void;
  onSight: (sight: { min: number; max: number } | null) => void;
}

const DASH: [number, number] = [5, 4];
const FONT = "12px 'Inter Variable', system-ui, sans-serif";

function axis(label: string | undefined, values: uPlot.Axis.Values): uPlot.Axis {
  return {
    stroke: colour("--text-soft"),
    font: FONT,
    labelFont: FONT,
    label,
    labelSize: label ? 16 : 0,
    labelGap: 0,
    gap: 4,
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    values,
  };
}

const thin = uPlot.paths.linear?.() as uPlot.Series.PathBuilder;

function series(line: Line): uPlot.Series {
  const stroke = colour(`--series-${line.colour}`);
  const width = line.faint ? 1 : 1.8;
  const dash = line.dashed ? DASH : undefined;
  /** A path to be stroked; where every other pixel has a point, nothing, because the line has been drawn. */
  const paths: uPlot.Series.PathBuilder = (plot, idx, from, to) => {
    if (few(plot.bbox.width / 2, plot.data[idx] ?? [], from, to)) return thin(plot, idx, from, to);
    drawColumns(plot, idx, from, to, stroke, width * uPlot.pxRatio, dash);
    return null;
  };
  return {
    label: line.label,
    stroke,
    width,
    alpha: line.faint ? 0.28 : 1,
    dash,
    spanGaps: true,
    // A line of few points shows them, so that a single epoch is not invisible.
    points: line.dots ? { show: true, size: 5, fill: stroke } : { show: (plot, idx) => few(30, plot.data[idx] ?? []) },
    paths: line.dots ? () => null : paths,
  };
}

/** Whether there are at most `most` points. */
function few(most: number, values: ArrayLike<number | null | undefined>, from = 0, to = values.length - 1): boolean {
  let n = 0;
  for (let i = from; i <= to && n <= most; i++) if (values[i] != null) n++;
  return n <= most;
}

/** What no axis can show is left out: the last losses of a run that diverged, and what is not positive on a logarithmic axis. */
export function drawable(values: ArrayLike<number | null>, log: boolean): ArrayLike<number | null> {
  const fits = (value: number | null) => value === null || (Math.abs(value) < 1e30 && (!log || value > 0));
  for (let idx = 0; idx < values.length; idx++) {
    if (!fits(values[idx] as number | null)) return Array.from(values, (value) => (fits(value) ? value : null));
  }
  return values;
}

export function options({ width, height, lines, log, xLabel, yLabel, sync, onCursor, onSight }: Making): uPlot.Options {
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: true }, sync: sync ? { key: sync, setSeries: false } : undefined },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
    axes: [
      { ...axis(xLabel, (_, splits) => splits.map((n) => (Number.isInteger(n) || Math.abs(n) < 10 ? compact(n) : ""))), size: 24 },
      { ...axis(yLabel, (_, splits) => splits.map((n) => (n === null ? "" : number(n)))), size: 58 },
    ],
    series: [{}, ...lines.map(series)],
    hooks: {
      ready: [wheelZoom],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setScale: [
        (plot, key) => {
          if (key !== "x") return;
          const xs = plot.data[0];
          const { min, max } = plot.scales.x as { min?: number; max?: number };
          const whole = min === undefined || max === undefined || (min <= (xs[0] ?? 0) && max >= (xs[xs.length - 1] ?? 1));
          onSight(whole ? null : { min, max });
        },
      ],
    },
  };
}
