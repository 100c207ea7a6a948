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

/** The steps of all series in one ascending list, and each series' values at them, null where it has none. */
export function align(series: Series[]): { x: number[]; values: (number | null)[][] } {
  // The longest series of a run holds nearly every step, so the union is sorted already but for a few.
  const x = [...new Set(series.flatMap((one) => one.steps))].sort((a, b) => a - b);
  const values = series.map((one) => {
    const row = new Array<number | null>(x.length).fill(null);
    let at = 0;
    for (const [idx, step] of one.steps.entries()) {
      while ((x[at] as number) < step) at++;
      row[at] = one.values[idx] ?? null;
    }
    return row;
  });
  return { x, values };
}

/**
 * Exponential moving average `m_t = w m_(t-1) + (1 - w) v_t`, divided by `1 - w^t` so that the start is not pulled to zero (Kingma and
 * Ba 2015, section 3). `weight` 0 changes nothing; a point that is missing stays missing.
 */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  if (weight === 0) return values;
  let mean = 0;
  let left = 1;
  return values.map((value) => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    left *= weight;
    return mean / (1 - left);
  });
}
