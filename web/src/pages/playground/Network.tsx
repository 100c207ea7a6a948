import { Minus, Plus } from "lucide";
import { t } from "../../i18n";
import { Button } from "../../ui/Button";
import type { Layer } from "./forward";
import { Map } from "./Maps";

const UNIT = 44;
const GAP = 10;
const COLUMN = 98;
const MAX_LAYERS = 4;
const MAX_UNITS = 8;

interface NetworkProps {
  units: number[];
  onUnits: (units: number[]) => void;
  side: number;
  /** What each unit says at each place, layer by layer and unit by unit; null before the first training. */
  maps: Float64Array[][] | null;
  inputs: Float64Array[];
  /** Layers and weights at the point in sight, for the lines. */
  layers: Layer[] | null;
  weights: number[] | null;
}

interface Joint {
  from: [number, number];
  to: [number, number];
  weight: number | null;
}

/** Middle of unit `i` of `n` in a column. */
function middle(column: number, i: number, n: number, tallest: number): [number, number] {
  return [column * COLUMN + UNIT / 2, (i + (tallest - n) / 2) * (UNIT + GAP) + UNIT / 2];
}

function joints(counts: number[], tallest: number, layers: Layer[] | null, weights: number[] | null): Joint[] {
  const all: Joint[] = [];
  for (let column = 1; column < counts.length; column++) {
    const [n, m] = [counts[column - 1] as number, counts[column] as number];
    const layer = layers?.[column - 1];
    const offset = layer?.weight_offset ?? null;
    // The output column shows the second class alone, whose weights are the last of its layer.
    const skip = layer && column === counts.length - 1 ? layer.n_outputs - 1 : 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        const weight = weights && layer && offset !== null ? (weights[offset + i * layer.n_outputs + j + skip] ?? null) : null;
        all.push({ from: middle(column - 1, i, n, tallest), to: middle(column, j, m, tallest), weight });
      }
    }
  }
  return all;
}

function Line({ from: [x0, y0], to: [x1, y1], weight }: Joint) {
  const [left, right] = [x0 + UNIT / 2, x1 - UNIT / 2];
  const bend = (right - left) / 2;
  const strength = weight === null ? 0 : Math.min(1, Math.abs(weight) / 2.5);
  return (
    <path
      d={`M${left} ${y0}C${left + bend} ${y0} ${right - bend} ${y1} ${right} ${y1}`}
      class={weight === null ? "" : weight < 0 ? "below" : "above"}
      stroke-width={weight === null ? 1 : 0.6 + 4 * strength}
      stroke-opacity={weight === null ? 1 : 0.25 + 0.65 * strength}
    />
  );
}

/** The network as it is drawn at a board: units with what they answer across the plane, lines as thick as their weights. */
export function Network({ units, onUnits, side, maps, inputs, layers, weights }: NetworkProps) {
  const counts = [2, ...units, 1];
  const tallest = Math.max(...counts);
  const height = tallest * (UNIT + GAP) - GAP;
  const change = (idx: number, by: number) => onUnits(units.map((n, i) => (i === idx ? Math.min(MAX_UNITS, Math.max(1, n + by)) : n)));
  const map = (column: number, unit: number): Float64Array | null => {
    if (column === 0) return inputs[unit] ?? null;
    return maps?.[column - 1]?.[unit] ?? null;
  };
  return (
    <div class="net-scroll" tabIndex={0} role="region" aria-label={t("playground.network")}>
      <div class="net" style={{ width: `${(counts.length - 1) * COLUMN + UNIT}px` }}>
        <div class="net-heads">
          {counts.map((n, column) => (
            <div key={column} class="net-head" style={{ left: `${column * COLUMN + UNIT / 2}px` }}>
              {column === 0 ? t("playground.inputs") : column === counts.length - 1 ? t("playground.output") : (
                <>
                  <Button look="quiet" icon={Minus} label={t("playground.fewer_units", column)} disabled={n <= 1} onClick={() => change(column - 1, -1)} />
                  <b aria-label={t("playground.units_of", column, n)}>{n}</b>
                  <Button look="quiet" icon={Plus} label={t("playground.more_units", column)} disabled={n >= MAX_UNITS} onClick={() => change(column - 1, 1)} />
                </>
              )}
            </div>
          ))}
        </div>
        <div class="net-body" style={{ height: `${height}px` }}>
          <svg width={(counts.length - 1) * COLUMN + UNIT} height={height} aria-hidden="true" focusable="false">
            {joints(counts, tallest, layers, weights).map((joint, idx) => <Line key={idx} {...joint} />)}
          </svg>
          {counts.map((n, column) =>
            Array.from({ length: n }, (_, i) => {
              const [x, y] = middle(column, i, n, tallest);
              const values = map(column, i);
              const label = column === 0 ? t("playground.input_n", i === 0 ? "x" : "y") : column === counts.length - 1 ? t("playground.output") : t("playground.unit_n", column, i + 1);
              return (
                <div key={`${column} ${i}`} class="net-unit" style={{ left: `${x - UNIT / 2}px`, top: `${y - UNIT / 2}px` }}>
                  <Map label={label} values={values} side={side} full={values ? top(values) : 1} />
                </div>
              );
            }),
          )}
        </div>
      </div>
      <div class="row net-foot">
        <Button icon={Minus} disabled={units.length === 0} onClick={() => onUnits(units.slice(0, -1))}>{t("playground.fewer_layers")}</Button>
        <Button icon={Plus} disabled={units.length >= MAX_LAYERS} onClick={() => onUnits([...units, Math.max(2, units.at(-1) ?? 4)])}>{t("playground.more_layers")}</Button>
      </div>
    </div>
  );
}

/** The largest size among the numbers, so that every unit uses all its colours. */
function top(values: Float64Array): number {
  let most = 1e-9;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
