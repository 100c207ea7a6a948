// One vertical axis for each quantity, one line for each thing: where good lines run together is where the good settings are.
import { useState } from "preact/hooks";
import { number } from "../format";
import { t } from "../i18n";
import "./parallel.css";

export interface ParallelAxis {
  label: string;
  /** A value per line, in the order of the lines: numbers, or words that get a place each. */
  values: (number | string | null)[];
  log?: boolean;
}

interface ParallelProps {
  label: string;
  axes: ParallelAxis[];
  lines: { id: string; label: string; href?: string }[];
  /** The axis that colours the lines, from its least value to its greatest. */
  by?: number;
}

const HEIGHT = 300;
const TOP = 34;
const BOTTOM = 22;
const GAP = 150;

interface Scale {
  /** Height of a value, from 0 at the top to 1 at the bottom; null where there is none. */
  place: (value: number | string | null) => number | null;
  ends: [string, string];
}

function scale({ values, log }: ParallelAxis): Scale {
  const numbers = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  const words = [...new Set(values.filter((value): value is string => typeof value === "string"))].sort();
  if (words.length > 0) {
    const place = (value: number | string | null) => (value === null ? null : words.length < 2 ? 0.5 : 1 - words.indexOf(String(value)) / (words.length - 1));
    return { place, ends: [words.at(-1) ?? "", words.length > 1 ? (words[0] ?? "") : ""] };
  }
  const bend = log && numbers.every((value) => value > 0) ? Math.log : (value: number) => value;
  const low = bend(Math.min(...numbers));
  const span = bend(Math.max(...numbers)) - low;
  const place = (value: number | string | null) => (typeof value !== "number" || !Number.isFinite(value) ? null : span === 0 ? 0.5 : 1 - (bend(value) - low) / span);
  return { place, ends: [number(Math.max(...numbers)), number(Math.min(...numbers))] };
}

export function ParallelCoordinates({ label, axes, lines, by }: ParallelProps) {
  const [near, setNear] = useState<string>();
  if (axes.length < 2 || lines.length === 0) return null;
  const scales = axes.map(scale);
  const width = GAP * (axes.length - 1);
  const y = (part: number) => TOP + part * (HEIGHT - TOP - BOTTOM);
  const byScale = by === undefined ? undefined : scales[by];
  const path = (line: number) => {
    const points = axes.flatMap((axis, idx) => {
      const part = scales[idx]?.place(axis.values[line] ?? null) ?? null;
      return part === null ? [] : [`${idx * GAP},${y(part).toFixed(1)}`];
    });
    return points.join(" ");
  };
  /** The share of the second colour: none at the least value. */
  const share = (line: number) => Math.round((1 - (byScale?.place(axes[by ?? 0]?.values[line] ?? null) ?? 1)) * 100);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <svg class="parallel" width={width + 120} height={HEIGHT} viewBox={`-60 0 ${width + 120} ${HEIGHT}`} role="img" aria-label={t("chart.parallel", label, lines.length)}>
        {lines.map((line, idx) => (
          <a key={line.id} href={line.href} aria-label={line.label} onMouseEnter={() => setNear(line.id)} onMouseLeave={() => setNear(undefined)} onFocus={() => setNear(line.id)} onBlur={() => setNear(undefined)}>
            <polyline class="reach" points={path(idx)} />
            <polyline
              class={near === line.id ? "near" : near ? "far" : undefined}
              points={path(idx)}
              style={{ stroke: `color-mix(in oklab, var(--series-2) ${share(idx)}%, var(--series-1))` }}
            />
          </a>
        ))}
        {axes.map((axis, idx) => (
          <g key={axis.label} transform={`translate(${idx * GAP} 0)`}>
            <line y1={TOP} y2={HEIGHT - BOTTOM} />
            <text class="name" y={14}>{axis.label}</text>
            <text y={TOP - 4}>{scales[idx]?.ends[0]}</text>
            <text y={HEIGHT - BOTTOM + 15}>{scales[idx]?.ends[1]}</text>
          </g>
        ))}
      </svg>
      <p class="soft small parallel-near" aria-hidden="true">{lines.find((line) => line.id === near)?.label ?? t("chart.parallel_help")}</p>
    </div>
  );
}
