import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { number } from "../format";
import { t } from "../i18n";
import { Button } from "./Button";
import { type AxisSpec, axesOf, type Brushes, type Cell, within } from "./parallelaxes";
import "./parallel.css";

export interface ParallelRow {
  id: string;
  label: string;
  values: Record<string, Cell>;
  href?: string;
  /** How good it is, from 0 (worst) to 1 (best); null where that is not known. */
  merit: number | null;
}

const [TOP, BOTTOM, SIDE] = [44, 20, 54];

/**
 * One line for each row over one axis for each quantity, the better the stronger. A part of an axis is marked by dragging along it
 * (a click takes the mark away); `onMarked` gets the ids that cross every mark.
 */
export function Parallel({ label, axes: specs, rows, height = 320, onMarked }: { label: string; axes: AxisSpec[]; rows: ParallelRow[]; height?: number; onMarked?: (ids: Set<string> | null) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [brushes, setBrushes] = useState<Brushes>({});
  const [over, setOver] = useState<string | null>(null);
  const drag = useRef<{ key: string; from: number } | null>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const axes = useMemo(() => axesOf(specs, rows.map((row) => row.values), number), [specs, rows]);
  // Narrow screens scroll: an axis needs room for its numbers.
  const wide = Math.max(width, 2 * SIDE + (axes.length - 1) * 96);
  const x = (idx: number) => (axes.length > 1 ? SIDE + (idx * (wide - 2 * SIDE)) / (axes.length - 1) : wide / 2);
  const y = (place: number) => TOP + (1 - place) * (height - TOP - BOTTOM);
  const marked = Object.keys(brushes).length > 0;
  const kept = new Set(rows.filter((row) => within(row.values, axes, brushes)).map((row) => row.id));
  const change = (next: Brushes) => {
    setBrushes(next);
    onMarked?.(Object.keys(next).length > 0 ? new Set(rows.filter((row) => within(row.values, axes, next)).map((row) => row.id)) : null);
  };

  const points = (row: ParallelRow) => axes.map((axis, idx): [number, number] | null => {
    const place = axis.place(row.values[axis.key] ?? null);
    return place === null ? null : [x(idx), y(place)];
  });
  const at = (event: PointerEvent): number => {
    const svg = (event.currentTarget as Element).closest("svg") as SVGSVGElement;
    const place = 1 - (event.clientY - svg.getBoundingClientRect().top - TOP) / (height - TOP - BOTTOM);
    return Math.min(1, Math.max(0, place));
  };
  // The best lie on top.
  const ordered = [...rows].sort((a, b) => (a.merit ?? -1) - (b.merit ?? -1));
  const shown = over === null ? undefined : rows.find((row) => row.id === over);

  return (
    <figure class="parallel" aria-label={label}>
      <div ref={box} class="parallel-scroll" tabIndex={0} role="region" aria-label={label}>
        {width > 0 && (
          <svg width={wide} height={height} role="group" aria-label={t("parallel.of", rows.length, axes.map((axis) => axis.label).join(", "))}>
            {ordered.map((row) => {
              const all = points(row);
              const d = all.reduce((path, point, idx) => (point ? `${path}${idx > 0 && all[idx - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}` : path), "");
              const faded = marked && !kept.has(row.id);
              const look = `${faded ? "faded" : row.merit === null ? "unknown" : ""}${row.merit === 1 ? " best" : ""}${over === row.id ? " over" : ""}`;
              return (
                <a key={row.id} href={row.href} aria-label={row.label} onPointerEnter={() => setOver(row.id)} onPointerLeave={() => setOver(null)} onFocus={() => setOver(row.id)} onBlur={() => setOver(null)}>
                  <path class="reach" d={d} />
                  <path class={look} d={d} stroke-opacity={faded ? 0.12 : row.merit === null ? 0.3 : 0.15 + 0.7 * row.merit ** 2} />
                </a>
              );
            })}
            {axes.map((axis, idx) => {
              const brush = brushes[axis.key];
              return (
                <g key={axis.key} transform={`translate(${x(idx)} 0)`}>
                  <line y1={TOP} y2={height - BOTTOM} />
                  <text class="name" y={18} text-anchor={idx === 0 && axes.length > 1 ? "start" : idx === axes.length - 1 && axes.length > 1 ? "end" : "middle"} x={idx === 0 && axes.length > 1 ? -SIDE + 4 : idx === axes.length - 1 && axes.length > 1 ? SIDE - 4 : 0}>{axis.label}</text>
                  {axis.ticks.map((tick) => <text key={tick.text} class="tick" x={7} y={y(tick.at) + 4}>{tick.text}</text>)}
                  {brush && <rect class="brush" x={-7} width={14} y={y(brush[1])} height={Math.max(3, y(brush[0]) - y(brush[1]))} rx={3} />}
                  <rect
                    class="hand"
                    x={-13}
                    width={26}
                    y={TOP - 6}
                    height={height - TOP - BOTTOM + 12}
                    onPointerDown={(event) => {
                      event.currentTarget.setPointerCapture(event.pointerId);
                      drag.current = { key: axis.key, from: at(event) };
                    }}
                    onPointerMove={(event) => {
                      if (!drag.current) return;
                      const to = at(event);
                      const { from } = drag.current;
                      if (Math.abs(to - from) > 0.02) change({ ...brushes, [axis.key]: [Math.min(from, to), Math.max(from, to)] });
                    }}
                    onPointerUp={(event) => {
                      const from = drag.current?.from;
                      drag.current = null;
                      if (from === undefined || Math.abs(at(event) - from) > 0.02) return;
                      change(Object.fromEntries(Object.entries(brushes).filter(([key]) => key !== axis.key)));
                    }}
                  />
                </g>
              );
            })}
          </svg>
        )}
      </div>
      <figcaption class="row apart small soft">
        <span class="cut">{shown ? shown.label : marked ? t("parallel.kept", kept.size, rows.length) : t("parallel.help")}</span>
        {marked && <Button look="quiet" onClick={() => change({})}>{t("parallel.all")}</Button>}
      </figcaption>
    </figure>
  );
}
