// Parallel coordinates (Inselberg 1985): one vertical axis for each quantity, one line for each thing that has them all.

export type Cell = number | string | boolean | null;

export interface AxisSpec {
  key: string;
  label: string;
  /** Evenly over the logarithms; numbers that are not positive have no place then. */
  log?: boolean;
}

export interface Axis extends AxisSpec {
  /** Where a value stands, from 0 (below) to 1 (above); null where it has no place. */
  place: (value: Cell) => number | null;
  /** Values to write beside the axis, from below. */
  ticks: { at: number; text: string }[];
}

function numeric(spec: AxisSpec, values: number[], write: (n: number) => string): Axis {
  const log = spec.log === true && values.every((n) => n > 0);
  const to = log ? Math.log : (n: number) => n;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const width = to(high) - to(low);
  const place = (value: Cell) => (typeof value !== "number" || !Number.isFinite(value) ? null : width > 0 ? (to(value) - to(low)) / width : 0.5);
  const middle = log ? Math.exp((to(low) + to(high)) / 2) : (low + high) / 2;
  const ticks = width > 0 ? [{ at: 0, text: write(low) }, { at: 0.5, text: write(middle) }, { at: 1, text: write(high) }] : [{ at: 0.5, text: write(low) }];
  return { ...spec, place, ticks };
}

function named(spec: AxisSpec, values: Cell[]): Axis {
  const names = [...new Set(values.map(String))].sort();
  const at = (name: string) => (names.length > 1 ? names.indexOf(name) / (names.length - 1) : 0.5);
  return { ...spec, place: (value) => (value === null ? null : at(String(value))), ticks: names.map((name) => ({ at: at(name), text: name })) };
}

/** Axes for these rows: numbers on a scale, everything else by its name. */
export function axesOf(specs: AxisSpec[], rows: Record<string, Cell>[], write: (n: number) => string): Axis[] {
  return specs.map((spec) => {
    const values = rows.map((row) => row[spec.key] ?? null).filter((value) => value !== null);
    const numbers = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
    return numbers.length > 0 && numbers.length === values.length ? numeric(spec, numbers, write) : named(spec, values);
  });
}

export type Brushes = Record<string, [number, number]>;

/** Whether a row lies within all the parts of axes that were marked. */
export function within(row: Record<string, Cell>, axes: Axis[], brushes: Brushes): boolean {
  return axes.every(({ key, place }) => {
    const brush = brushes[key];
    if (!brush) return true;
    const at = place(row[key] ?? null);
    return at !== null && at >= brush[0] - 1e-9 && at <= brush[1] + 1e-9;
  });
}
