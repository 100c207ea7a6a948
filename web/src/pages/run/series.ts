// Curves as numbers: joining what was read with what the stream brings, one common axis for all of them, smoothing.
import type { RunEvent } from "../../live/events";
import type { Metrics } from "../../api/types";

export interface Series {
  steps: number[];
  values: (number | null)[];
}

/** Curves by name. */
export type Curves = ReadonlyMap<string, Series>;

export function fromMetrics(metrics: Metrics): Curves {
  return new Map(metrics.series.map(({ name, steps, values }) => [name, { steps, values }]));
}

/** `curves` with the points of `events` that lie behind their ends. What was read is never changed by the stream. */
export function append(curves: Curves, events: RunEvent[]): Curves {
  const next = new Map(curves);
  let changed = false;
  for (const event of events) {
    for (const { name, steps, values } of event.series ?? []) {
      const before = next.get(name);
      const last = before?.steps.at(-1) ?? -1;
      const from = steps.findIndex((step) => step > last);
      if (from < 0) continue;
      changed = true;
      next.set(name, { steps: [...(before?.steps ?? []), ...steps.slice(from)], values: [...(before?.values ?? []), ...values.slice(from)] });
    }
  }
  return changed ? next : curves;
}

/** Whether all of `few` are among `many`; both ascend. */
function within(few: number[], many: number[]): boolean {
  let at = 0;
  return few.every((step) => {
    while ((many[at] as number) < step) at++;
    return many[at] === step;
  });
}

/** The steps of all series in one ascending list. The longest of a run holds those of the others, but for a few where it is thinned. */
function union(lists: number[][]): number[] {
  const longest = lists.reduce((one, other) => (other.length > one.length ? other : one), []);
  if (lists.every((list) => list === longest || within(list, longest))) return longest;
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

/** The values of a series at the steps `x`, null where it has none. One that has a value at each is not copied: it may be long. */
function at(x: number[], { steps, values }: Series): (number | null)[] {
  if (steps.length === x.length) return values;
  const row = new Array<number | null>(x.length).fill(null);
  let place = 0;
  for (const [idx, step] of steps.entries()) {
    while ((x[place] as number) < step) place++;
    row[place] = values[idx] ?? null;
  }
  return row;
}

/** The steps of all series in one ascending list, and each series' values at them. */
export function align(series: Series[]): { x: number[]; values: (number | null)[][] } {
  const x = union(series.map((one) => one.steps));
  return { x, values: series.map((one) => at(x, one)) };
}

/**
 * Exponential moving average `m_t = w m_(t-1) + (1 - w) v_t`, divided by `1 - w^t` so that the start is not pulled to zero (Kingma and
 * Ba 2015, section 3). `weight` 0 changes nothing; a point that is missing stays missing.
 */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  if (weight === 0) return values;
  const means = new Array<number | null>(values.length);
  let mean = 0;
  let left = 1;
  for (let idx = 0; idx < values.length; idx++) {
    const value = values[idx] as number | null;
    if (value === null) {
      means[idx] = null;
      continue;
    }
    mean = weight * mean + (1 - weight) * value;
    left *= weight;
    means[idx] = mean / (1 - left);
  }
  return means;
}
