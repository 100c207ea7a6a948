import type { ColumnProfile } from "../../api/types";
import { count, number } from "../../format";
import { t } from "../../i18n";
import { Bar } from "../../ui/Badge";

/** How numbers are spread; the least and the greatest stand below. */
export function Histogram({ of, name }: { of: { counts: number[]; min: number; max: number }; name: string }) {
  const most = Math.max(...of.counts, 1);
  const width = (of.max - of.min) / of.counts.length;
  return (
    <div>
      <div class="histogram" role="img" aria-label={t("datasets.histogram_of", name)}>
        {of.counts.map((n, idx) => (
          <i key={idx} title={`${number(of.min + idx * width)} – ${number(of.min + (idx + 1) * width)}: ${count(n)}`} style={{ height: `${(n / most) * 100}%` }} />
        ))}
      </div>
      <div class="ends">
        <span>{number(of.min)}</span>
        <span>{number(of.max)}</span>
      </div>
    </div>
  );
}

/** The values that come most often, each with its share. */
export function TopValues({ of, rows }: { of: ColumnProfile["top_values"]; rows: number }) {
  return (
    <ul class="top">
      {of.slice(0, 6).map(({ value, count: n }) => (
        <li key={value}>
          <span class="cut">{value}</span>
          <span class="soft number">{count(n)}</span>
          <Bar share={n / rows} label={value} />
        </li>
      ))}
    </ul>
  );
}
