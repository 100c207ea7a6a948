import { t } from "../../i18n";
import type { ClassRoc } from "../../api/types";
import { number } from "../../format";

const SIZE = 300;
const PAD = 34;

function path({ false_positive_rate: x, true_positive_rate: y }: ClassRoc): string {
  return x.map((value, idx) => `${PAD + value * SIZE},${8 + (1 - (y[idx] ?? 0)) * SIZE}`).join(" ");
}

/** How many of a class are found for how many false alarms, as the threshold moves; the diagonal is guessing. */
export function Roc({ curves }: { curves: ClassRoc[] }) {
  return (
    <div class="square-chart">
      <svg viewBox={`0 0 ${SIZE + PAD + 10} ${SIZE + PAD + 8}`} role="img" aria-label={t("run.roc")}>
        <rect x={PAD} y={8} width={SIZE} height={SIZE} class="frame" />
        <line x1={PAD} y1={8 + SIZE} x2={PAD + SIZE} y2={8} class="guess" />
        {curves.map((curve, idx) => <polyline key={curve.label} points={path(curve)} style={{ stroke: `var(--series-${(idx % 8) + 1})` }} />)}
        {[0, 0.5, 1].map((tick) => (
          <g key={tick}>
            <text x={PAD + tick * SIZE} y={SIZE + 24} text-anchor="middle">{tick}</text>
            <text x={PAD - 6} y={12 + (1 - tick) * SIZE} text-anchor="end">{tick}</text>
          </g>
        ))}
        <text x={PAD + SIZE / 2} y={SIZE + PAD + 5} text-anchor="middle">{t("run.false_alarms")}</text>
      </svg>
      <ul class="key">
        {curves.map((curve, idx) => (
          <li key={curve.label}>
            <i style={{ background: `var(--series-${(idx % 8) + 1})` }} />
            <span class="cut">{curve.label}</span>
            <span class="soft number">AUC {number(curve.auc)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
