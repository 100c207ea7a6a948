import { X } from "lucide";
import type { Run } from "../../api/types";
import { number } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { StatusBadge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { seriesLabel } from "../run/Curves";
import { colourOf, labelOf } from "./Overlay";
import { type Difference, shown } from "./differences";

/** Numbers of a run that are compared at its end. */
export function outcomes(runs: Run[]): { name: string; values: (number | null)[] }[] {
  const measured = runs.map((run) => ({ ...run.metrics, ...run.result?.metrics }));
  const names = [...new Set(measured.flatMap((one) => Object.keys(one)))].filter((name) => /^(validation|test)_/.test(name));
  return names.map((name) => ({ name, values: measured.map((one) => one[name] ?? null) }));
}

interface TableProps {
  runs: Run[];
  found: Difference[];
  onRemove: (id: string) => void;
}

/** What is set differently and what came of it, a column for each run. */
export function DifferenceTable({ runs, found, onRemove }: TableProps) {
  return (
    <Card title={t("compare.differences")} flush>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={t("compare.differences")}>
        <table class="table compare-table">
          <thead>
            <tr>
              <th scope="col" />
              {runs.map((run, idx) => (
                <th key={run.id} scope="col">
                  <span class="row compare-head">
                    <i style={{ background: `var(--series-${colourOf(idx).colour})` }} />
                    <a href={to(`/runs/${run.id}`)}>{labelOf(runs, idx)}</a>
                    <Button look="quiet" icon={X} label={t("compare.remove", labelOf(runs, idx))} onClick={() => onRemove(run.id)} />
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{t("word.status")}</th>
              {runs.map((run) => <td key={run.id}><StatusBadge status={run.status} /></td>)}
            </tr>
            {found.map(({ pointer, values }) => (
              <tr key={pointer}>
                <th scope="row"><code>{pointer}</code></th>
                {values.map((value, idx) => <td key={idx}>{shown(value)}</td>)}
              </tr>
            ))}
            {outcomes(runs).map(({ name, values }) => (
              <tr key={name}>
                <th scope="row">{seriesLabel(name)}</th>
                {values.map((value, idx) => <td key={idx} class="number">{number(value)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
