import { t } from "../../i18n";
import type { Residuals } from "../../api/types";
import { count, number } from "../../format";
import { Histogram } from "../datasets/Histogram";

const SIZE = 300;
const PAD = 50;

function histogram(values: number[], bins = 30): { counts: number[]; min: number; max: number } {
  const min = Math.min(...values);
  const max = Math.max(...values);
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = max > min ? Math.min(bins - 1, Math.floor(((value - min) / (max - min)) * bins)) : 0;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { counts, min, max };
}

/** What was predicted against what is true, and how the errors are spread. On the diagonal a prediction is exact. */
export function ResidualsChart({ of }: { of: Residuals }) {
  const { actual, predicted, target } = of;
  const low = Math.min(...actual, ...predicted);
  const span = Math.max(...actual, ...predicted) - low || 1;
  const x = (value: number) => PAD + ((value - low) / span) * SIZE;
  const y = (value: number) => 8 + (1 - (value - low) / span) * SIZE;
  const errors = actual.map((value, idx) => (predicted[idx] ?? value) - value);
  return (
    <div class="pair">
      <div class="square-chart">
        <svg viewBox={`0 0 ${SIZE + PAD + 10} ${SIZE + 48}`} role="img" aria-label={t("run.predicted_true", target)}>
          <rect x={PAD} y={8} width={SIZE} height={SIZE} class="frame" />
          <line x1={PAD} y1={8 + SIZE} x2={PAD + SIZE} y2={8} class="guess" />
          {actual.map((value, idx) => <circle key={idx} cx={x(value)} cy={y(predicted[idx] ?? value)} r={2.6} />)}
          <text x={PAD} y={SIZE + 25}>{number(low)}</text>
          <text x={PAD + SIZE} y={SIZE + 25} text-anchor="end">{number(low + span)}</text>
          <text x={PAD - 6} y={SIZE + 8} text-anchor="end">{number(low)}</text>
          <text x={PAD - 6} y={18} text-anchor="end">{number(low + span)}</text>
          <text x={PAD + SIZE / 2} y={SIZE + 42} text-anchor="middle">{t("run.true_x")}</text>
        </svg>
      </div>
      <div class="stack tight">
        <h3>{t("run.errors")}</h3>
        <p class="soft small">{t("run.errors_about", count(actual.length))}</p>
        <Histogram of={histogram(errors)} name={t("run.errors")} />
      </div>
    </div>
  );
}
