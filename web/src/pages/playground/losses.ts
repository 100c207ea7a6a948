// The losses of the epochs as lines over common steps, with a mark at the step in sight.
import type { Series } from "./training";

/** Most points of a line; a chart of a few hundred pixels shows no more. */
const MOST = 500;

function at(series: Series, steps: number[]): (number | null)[] {
  const known = new Map(series.steps.map((step, idx) => [step, series.values[idx] ?? null]));
  return steps.map((step) => known.get(step) ?? null);
}

export function lossLines(train: Series, validation: Series, now: number) {
  const every = Math.max(1, Math.ceil(train.steps.length / MOST));
  const steps = train.steps.filter((_, idx) => idx % every === 0 || idx === train.steps.length - 1);
  const trained = at(train, steps);
  // The mark stands on the curve, at the last epoch that was over.
  let mark = 0;
  for (const [idx, step] of steps.entries()) if (step <= now) mark = idx;
  return { x: steps, trained, validated: at(validation, steps), here: steps.map((_, idx) => (idx === mark ? (trained[idx] ?? null) : null)) };
}
