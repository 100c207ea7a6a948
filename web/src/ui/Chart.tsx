// Line charts for many points: uPlot draws on a canvas, what stands around it is for hands, keys and screen readers.
import { Minus, Plus, RotateCcw } from "lucide";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { number } from "../format";
import { t } from "../i18n";
import { theme } from "../theme";
import { Button } from "./Button";
import "./chart.css";
import { keys, pan, zoom } from "./chartmoves";
import { type ChartOptions, drawable, options } from "./chartoptions";

export interface Line {
  label: string;
  /** One of the eight `--series-N`, from 1. */
  colour: number;
  values: ArrayLike<number | null>;
  dashed?: boolean;
  /** Behind the others: the curve as it was measured, under its moving average. */
  faint?: boolean;
  /** Points without a line between them. */
  dots?: boolean;
}

interface ChartProps extends ChartOptions {
  /** What the chart shows, for those who hear it. */
  label: string;
  /** The common horizontal positions of all lines, ascending. */
  x: ArrayLike<number>;
  lines: Line[];
  height?: number;
}

/** The horizontal part in sight, kept over new data; null shows everything. */
type Sight = { min: number; max: number } | null;

export function Chart({ label, x, lines, height = 260, log = false, xLabel, yLabel, sync }: ChartProps) {
  const area = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const sight = useRef<Sight>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo(() => [x, ...lines.map((line) => drawable(line.values, log))] as unknown as uPlot.AlignedData, [x, lines, log]);
  const latest = useRef(data);
  latest.current = data;
  // What needs a new plot; new points alone do not.
  const shape = JSON.stringify([theme.value, log, xLabel, yLabel, sync, height, lines.map((l) => [l.label, l.colour, l.dashed, l.dots, l.faint])]);

  // In the frame that shows the chart's surroundings, not in the one after it.
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    const made = new uPlot(
      options({ width: element.clientWidth, height, lines, log, xLabel, yLabel, sync, onCursor: setAt, onSight: (next) => (sight.current = next) }),
      latest.current,
      element,
    );
    plot.current = made;
    if (sight.current) made.setScale("x", sight.current);
    const resized = new ResizeObserver(() => element.clientWidth !== made.width && made.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
    // `shape` stands for everything that the options are made of.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape]);

  useEffect(() => {
    const made = plot.current;
    // A plot that was just made has them.
    if (!made || made.data === data) return;
    made.batch(() => {
      made.setData(data, sight.current === null);
      if (sight.current) made.setScale("x", sight.current);
    });
  }, [data, shape]);

  useEffect(() => {
    for (const [idx, line] of lines.entries()) {
      const show = !hidden.has(line.label);
      if (plot.current && plot.current.series[idx + 1]?.show !== show) plot.current.setSeries(idx + 1, { show });
    }
  }, [hidden, shape, lines]);

  const all = () => plot.current && zoom(plot.current, null);
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };

  return (
    <figure class="chart" aria-label={label}>
      <div class="chart-head">
        <div class="chart-key">
          {lines.map((line) => (
            <button key={line.label} type="button" aria-pressed={!hidden.has(line.label)} onClick={() => toggle(line.label)}>
              <i style={{ background: `var(--series-${line.colour})` }} />
              {line.label}
              <b>{number(line.values[at ?? lastIdx(line.values)] ?? null)}</b>
            </button>
          ))}
        </div>
        <div class="chart-tools">
          <Button look="quiet" icon={Plus} label={t("chart.zoom_in")} onClick={() => plot.current && zoom(plot.current, 0.5)} />
          <Button look="quiet" icon={Minus} label={t("chart.zoom_out")} onClick={() => plot.current && zoom(plot.current, 2)} />
          <Button look="quiet" icon={RotateCcw} label={t("chart.all")} onClick={all} />
        </div>
      </div>
      <div ref={area} class="chart-area" tabIndex={0} role="img" aria-label={t("chart.keys", label)} onKeyDown={(event) => plot.current && keys(plot.current, event)} onPointerDown={(event) => plot.current && pan(plot.current, event)} />
    </figure>
  );
}

function lastIdx(values: ArrayLike<number | null>): number {
  let idx = values.length - 1;
  while (idx > 0 && values[idx] === null) idx--;
  return idx;
}
